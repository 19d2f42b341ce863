"""A report request, and what shows without asking anybody. Source: query-api.txt, "Get Advertiser Report"."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime

import msgspec
from msgspec import Struct, field

from producers.errors import Fault
from producers.validation import faults_of

INTERVALS = ("day", "week", "month", "year")
DIRECTIONS = ("asc", "desc")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?: [0-9]{2}:[0-9]{2}:[0-9]{2})?")


class OrderBy(Struct, frozen=True):
    """One sorting criterion. `direction`: asc or desc."""

    column: str
    direction: str


class ReportRequest(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """What a report shall tell. Dates: `YYYY-MM-DD` or `YYYY-MM-DD HH:MM:SS`, in the report's time zone.

    `start_date` is inclusive, `end_date` exclusive. What is left out takes the API's default: New York's time zone,
    US dollars, no interval, no limit.
    """

    start_date: str
    end_date: str
    metrics: list[str]
    dimensions: list[str] = field(default_factory=list)
    interval: str | None = None
    dimension_filters: dict[str, list[str]] = field(default_factory=dict)
    order_bys: list[OrderBy] = field(default_factory=list)
    limit: int | None = None
    timezone_variation: str | None = None
    currency_code: str | None = None

    def body(self) -> bytes:
        """The request's body, in the document's spelling."""
        return msgspec.json.encode(self)


def faults_in(request: ReportRequest) -> list[Fault]:
    """Every fault that shows without the account's help, by field in the document's spelling."""
    plain = msgspec.to_builtins(request)
    return list(faults_of(plain, ReportRequest, "")) or list(_wrong_values(msgspec.convert(plain, ReportRequest)))


def _wrong_values(request: ReportRequest) -> Iterator[Fault]:
    yield from _period_faults(request)
    if request.interval is not None and request.interval not in INTERVALS:
        yield Fault("interval", f"{request.interval!r} is none of {', '.join(INTERVALS)}")
    if not request.metrics:
        yield Fault("metrics", "at least one is required")
    yield from _empty_names(request)
    for index, order in enumerate(request.order_bys):
        if order.direction not in DIRECTIONS:
            yield Fault(f"orderBys[{index}].direction", f"{order.direction!r} is none of {', '.join(DIRECTIONS)}")
    if request.limit is not None and request.limit < 1:
        yield Fault("limit", f"must be 1 or more, got {request.limit}")
    for name, value in (("timezoneVariation", request.timezone_variation), ("currencyCode", request.currency_code)):
        if value == "":
            yield Fault(name, "must not be empty; leave it out for the API's default")


def _period_faults(request: ReportRequest) -> Iterator[Fault]:
    start, end = _moment(request.start_date), _moment(request.end_date)
    for name, text, moment in (("startDate", request.start_date, start), ("endDate", request.end_date, end)):
        if moment is None:
            yield Fault(name, f"{text!r} is no date; write YYYY-MM-DD or YYYY-MM-DD HH:MM:SS")
    if start and end and end <= start:
        yield Fault("endDate", f"is exclusive, so it must lie after startDate, {request.start_date}")


def _moment(text: str) -> datetime | None:
    """In the report's own time zone, whichever that is."""
    try:
        return datetime.fromisoformat(text) if _DATE.fullmatch(text) else None
    except ValueError:
        return None


def _empty_names(request: ReportRequest) -> Iterator[Fault]:
    for name, values in (("metrics", request.metrics), ("dimensions", request.dimensions)):
        for index, value in enumerate(values):
            if not value:
                yield Fault(f"{name}[{index}]", "must not be empty")
    for dimension, wanted in request.dimension_filters.items():
        if not wanted or not all(wanted):
            yield Fault(f"dimensionFilters.{dimension}", "needs at least one value, and none may be empty")
