"""Made-up rows for a report: the same request gets the same rows, and no metric depends on what else is asked."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from itertools import product
from operator import itemgetter

from .api import Record
from .query_request import InvalidReport, ReportRequest
from .query_slugs import Report

MAX_ROWS = 50_000
"""Of one report, before its limit; the document has no bound, but a sandbox's memory has one."""

_RATES = ("rate",)
_MONEY = ("cost", "cpa", "cpr", "copi", "roas", "value", "aov", "impression", "per")


def report_rows(account_id: str, request: ReportRequest, report: Report) -> list[Record]:
    """The rows in the order that was asked for; raises `InvalidReport` if there are too many."""
    moments, combinations = list(_moments(request)), _combinations(request, report)
    if len(moments) * len(combinations) > MAX_ROWS:
        raise InvalidReport(f"a report of more than {MAX_ROWS} rows is too large")
    rows = [_row(account_id, moment, values, request, report) for moment in moments for values in combinations]
    for order in reversed(request.order_bys):
        rows.sort(key=itemgetter(order.column), reverse=order.descending)
    return rows[: request.limit]


def _combinations(request: ReportRequest, report: Report) -> list[dict[str, str]]:
    """The distinct values of the dimensions asked for, of what the filters let through."""
    found: dict[tuple[str, ...], dict[str, str]] = {}
    for parts in product(*(values for _, values in report.axes)):
        named = {
            name: text
            for (names, _), texts in zip(report.axes, parts, strict=True)
            for name, text in zip(names, texts, strict=True)
        }
        if all(named[slug] in wanted for slug, wanted in request.filters.items()):
            kept = {slug: named[slug] for slug in request.dimensions}
            found[tuple(kept.values())] = kept
    return list(found.values())


def _row(
    account_id: str, moment: datetime | None, values: Mapping[str, str], request: ReportRequest, report: Report
) -> Record:
    seed = "|".join([account_id, str(moment or request.start), str(request.end), *sorted(values.values())])
    draws = random.Random(seed)
    metrics = {slug: _value(slug, draws.random()) for slug in report.metrics}
    when: Record = {} if moment is None else {"datetime": moment.strftime("%Y-%m-%dT%H:%M:%SZ")}
    return {**when, **{slug: metrics[slug] for slug in request.metrics}, **values}


def _value(slug: str, draw: float) -> float:
    """A rate of 0 to 1, an amount of money, or a count; always a float, as in the document's sample."""
    words = slug.split("_")
    if words[-1] in _RATES:
        return round(draw, 4)
    if any(word in _MONEY for word in words):
        return round(draw * 500, 2)
    return float(round(draw * 2_000))


def _moments(request: ReportRequest) -> Iterator[datetime | None]:
    """The starts of the intervals that the report touches; a single None without an interval."""
    if request.interval is None:
        yield None
        return
    moment = _start_of(request.interval, request.start)
    while moment < request.end:
        yield moment
        moment = _next(request.interval, moment)


def _start_of(interval: str, moment: datetime) -> datetime:
    day = moment.replace(hour=0, minute=0, second=0)
    if interval == "week":
        return day - timedelta(days=day.weekday())
    if interval == "month":
        return day.replace(day=1)
    return day.replace(month=1, day=1) if interval == "year" else day


def _next(interval: str, moment: datetime) -> datetime:
    if interval == "day":
        return moment + timedelta(days=1)
    if interval == "week":
        return moment + timedelta(days=7)
    if interval == "month" and moment.month < 12:
        return moment.replace(month=moment.month + 1)
    return moment.replace(year=moment.year + 1, month=1)
