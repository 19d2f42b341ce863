"""The body of a report: Query API, Request Body (`ReportingRequestExternal`).

A fault is text that begins with the field's path. Unknown fields are faults, too: what is ignored in silence gives a
report that was not asked for.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from zoneinfo import available_timezones

from .api import Json
from .query_slugs import Report

INTERVALS = ("day", "week", "month", "year")
MAX_LIMIT = 1_000_000
_YEARS = range(2000, 2100)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}( [0-9]{2}:[0-9]{2}:[0-9]{2})?")
_FIELDS = {
    "timezoneVariation",
    "currencyCode",
    "interval",
    "startDate",
    "endDate",
    "dimensionFilters",
    "metrics",
    "dimensions",
    "orderBys",
    "limit",
}


class InvalidReport(ValueError):
    """A report cannot be made; the text says why, by field."""


@dataclass(frozen=True, slots=True)
class OrderBy:
    """One sorting criterion."""

    column: str
    descending: bool


@dataclass(frozen=True, slots=True)
class ReportRequest:
    """A report in order. `end` is exclusive."""

    interval: str | None
    start: datetime
    end: datetime
    metrics: Sequence[str]
    dimensions: Sequence[str]
    filters: Mapping[str, frozenset[str]]
    order_bys: Sequence[OrderBy]
    limit: int | None


def read_report(data: Json, report: Report) -> ReportRequest:
    """What is asked for; raises `InvalidReport`."""
    if not isinstance(data, dict):
        raise InvalidReport("the request body must be an object")
    if unknown := data.keys() - _FIELDS:
        raise InvalidReport(f"{min(unknown)}: is not known")
    _check(data, "timezoneVariation", lambda text: text in _timezones(), "must be a time zone such as America/New_York")
    _check(
        data, "currencyCode", lambda text: re.fullmatch("[A-Z]{3}", text) is not None, "must be three capital letters"
    )
    interval = _check(data, "interval", INTERVALS.__contains__, f"must be one of {', '.join(INTERVALS)}")
    start, end = _date(data, "startDate"), _date(data, "endDate")
    if end <= start:
        raise InvalidReport("endDate: must be after startDate, as it is exclusive")
    metrics = _slugs(data.get("metrics"), "metrics", report.metrics.__contains__)
    if not metrics:
        raise InvalidReport("metrics: must hold at least one slug")
    dimensions = _slugs(data.get("dimensions", []), "dimensions", report.has_dimension)
    return ReportRequest(
        interval=interval,
        start=start,
        end=end,
        metrics=metrics,
        dimensions=dimensions,
        filters=_filters(data.get("dimensionFilters", {}), report),
        order_bys=_order_bys(data.get("orderBys", []), {*metrics, *dimensions}),
        limit=_limit(data),
    )


@cache
def _timezones() -> frozenset[str]:
    return frozenset(available_timezones())


def _check(data: Mapping[str, Json], name: str, is_good: Callable[[str], bool], wanted: str) -> str | None:
    if name not in data:
        return None
    text = data[name]
    if not isinstance(text, str) or not is_good(text):
        raise InvalidReport(f"{name}: {wanted}")
    return text


def _date(data: Mapping[str, Json], name: str) -> datetime:
    text = data.get(name)
    try:
        moment = datetime.fromisoformat(text) if isinstance(text, str) and _DATE.fullmatch(text) else None
    except ValueError:  # the form is right, the day does not exist
        moment = None
    if moment is None:
        raise InvalidReport(f"{name}: must be YYYY-MM-DD or YYYY-MM-DD HH:MM:SS")
    if moment.year not in _YEARS:
        raise InvalidReport(f"{name}: must be of the years {_YEARS.start} to {_YEARS.stop - 1}")
    return moment


def _slugs(value: Json, name: str, known: Callable[[str], bool]) -> list[str]:
    if not isinstance(value, list):
        raise InvalidReport(f"{name}: must be a list")
    slugs = [slug for slug in value if isinstance(slug, str) and known(slug)]
    if len(slugs) < len(value):
        raise InvalidReport(f"{name}: must hold slugs that the help endpoint names")
    return slugs


def _filters(value: Json, report: Report) -> dict[str, frozenset[str]]:
    if not isinstance(value, dict):
        raise InvalidReport("dimensionFilters: must be an object")
    filters: dict[str, frozenset[str]] = {}
    for slug, wanted in value.items():
        if not report.has_dimension(slug):
            raise InvalidReport("dimensionFilters: must name slugs of dimensions that the help endpoint names")
        texts = [text for text in wanted if isinstance(text, str)] if isinstance(wanted, list) else []
        if not isinstance(wanted, list) or not texts or len(texts) < len(wanted):
            raise InvalidReport(f"dimensionFilters.{slug}: must be a list of strings, and not empty")
        filters[slug] = frozenset(texts)
    return filters


def _order_bys(value: Json, columns: set[str]) -> list[OrderBy]:
    if not isinstance(value, list):
        raise InvalidReport("orderBys: must be a list")
    return [_order_by(f"orderBys[{index}]", item, columns) for index, item in enumerate(value)]


def _order_by(path: str, value: Json, columns: set[str]) -> OrderBy:
    if not isinstance(value, dict) or not value.keys() <= {"column", "direction"}:
        raise InvalidReport(f"{path}: must be an object of column and direction")
    column, direction = value.get("column"), value.get("direction", "asc")
    if not isinstance(column, str) or column not in columns:  # `datetime` is none either: it was seen to be refused
        raise InvalidReport(f"{path}.column: must be one of the metrics and dimensions of this report")
    if direction != "asc" and direction != "desc":
        raise InvalidReport(f"{path}.direction: must be asc or desc")
    return OrderBy(column, direction == "desc")


def _limit(data: Mapping[str, Json]) -> int | None:
    if "limit" not in data:
        return None
    limit = data["limit"]
    if not isinstance(limit, int) or isinstance(limit, bool) or not 1 <= limit <= MAX_LIMIT:
        raise InvalidReport(f"limit: must be a whole number from 1 to {MAX_LIMIT}")
    return limit
