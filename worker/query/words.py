"""A report request's parts as they are typed: `a,b`, `campaign_id=1,2`, `referrals:desc`. Pure."""

from __future__ import annotations

import csv
from collections.abc import Iterable

from producers.errors import Fault
from worker.query.errors import InvalidQuery
from worker.query.report_request import OrderBy


def names(texts: Iterable[str]) -> list[str]:
    """Names, some of them several in one text with commas between."""
    return [name.strip() for text in texts for name in text.split(",")]


def filters(texts: Iterable[str]) -> dict[str, list[str]]:
    """`dimension=value,value`; a value that holds a comma stands in double quotes. Raises `InvalidQuery`."""
    wanted: dict[str, list[str]] = {}
    for text in texts:
        dimension, equals, values = text.partition("=")
        if not equals or not dimension.strip():
            raise InvalidQuery([Fault("dimensionFilters", f"{text!r}: write dimension=value,value")])
        wanted.setdefault(dimension.strip(), []).extend(_values(values))
    return wanted


def order_bys(texts: Iterable[str]) -> list[OrderBy]:
    """`column:asc`, `column:desc`, or `column` alone, which is ascending."""
    parts = (text.partition(":") for text in texts)
    return [OrderBy(column.strip(), direction.strip().lower() or "asc") for column, _, direction in parts]


def _values(text: str) -> list[str]:
    try:
        return next(csv.reader([text], skipinitialspace=True, strict=True))
    except csv.Error:
        message = f"{text!r}: cannot be read; a value that holds a comma stands in double quotes"
        raise InvalidQuery([Fault("dimensionFilters", message)]) from None
