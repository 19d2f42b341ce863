"""A report as columns: for a table, and as CSV that a spreadsheet opens without running anything. Pure."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Sequence

from worker.query.model import Row
from worker.query.report_request import ReportRequest
from worker.query.vocabulary import DATETIME

_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def columns_of(request: ReportRequest, rows: Sequence[Row]) -> list[str]:
    """`datetime`, the dimensions, the metrics, both as asked for, and then by name whatever else the rows hold."""
    given = {name for row in rows for name in row}
    first = [DATETIME] if request.interval or DATETIME in given else []
    asked = list(dict.fromkeys([*first, *request.dimensions, *request.metrics]))
    return asked + sorted(given.difference(asked))


def cells(row: Row, columns: Iterable[str]) -> list[str]:
    """A row's values as text; what is missing or null is empty."""
    return [_text(row.get(column)) for column in columns]


def csv_text(columns: Sequence[str], rows: Iterable[Row]) -> str:
    """Comma separated values with a head line (RFC 4180); a cell that would be a formula starts with an apostrophe."""
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(map(_harmless, columns))
    writer.writerows(map(_harmless, cells(row, columns)) for row in rows)
    return file.getvalue()


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value, ensure_ascii=False)


def _harmless(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULA) and not _NUMBER.fullmatch(cell) else cell
