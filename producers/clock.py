"""Times as whole milliseconds since 1970 (UTC), their spelling in RFC 3339, and the windows that Rokt takes."""

from __future__ import annotations

import re
import time
from calendar import monthrange
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

from producers.errors import Fault

DAY_MS = 86_400_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_UTC_RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]00:00)", re.ASCII)


def now_ms() -> int:
    """This machine's wall clock. Only for what an event says of itself; every due time comes from Redis."""
    return time.time_ns() // 1_000_000


@lru_cache(maxsize=16)  # many events share their millisecond, and more their second
def rfc3339(ms: int) -> str:
    """`2026-11-22T10:21:29.339Z`."""
    seconds, rest = divmod(ms, 1000)
    return f"{_second(seconds)}.{rest:03}Z"


@lru_cache(maxsize=16)
def _second(seconds: int) -> str:
    return (_EPOCH + timedelta(seconds=seconds)).isoformat().removesuffix("+00:00")


def rfc3339_of(at: datetime) -> str:
    """The same for a time that knows its zone. Raises ValueError for one that does not."""
    if at.tzinfo is None:
        raise ValueError("at: must know its time zone")
    return rfc3339((at.astimezone(UTC) - _EPOCH) // _MILLISECOND)


def parse_rfc3339_utc(text: str) -> int:
    """Milliseconds of an RFC 3339 time in UTC (`Z` or a zero offset). Raises ValueError with the fault in words."""
    if len(text) == 24 and text[19] == "." and text[23] == "Z" and text.isascii() and text[20:23].isdigit():
        return _ms_of_second(text[:19]) + int(text[20:23])  # nearly all are spelled so
    return _parsed(text)


@lru_cache(maxsize=16)
def _ms_of_second(text: str) -> int:
    return _parsed(f"{text}Z")


def _parsed(text: str) -> int:
    if not _UTC_RFC3339.fullmatch(text):
        raise ValueError("must be RFC 3339 in UTC, like 2026-11-22T10:21:29.339Z")
    try:
        return (datetime.fromisoformat(text) - _EPOCH) // _MILLISECOND
    except ValueError as error:
        raise ValueError(f"is not a time that exists: {error}") from None


class Window(NamedTuple):
    """How far back and ahead of its arrival an event's time may lie."""

    months: int = 0
    days: int = 0
    ahead_ms: int = 5 * 60_000

    def earliest(self, now: int) -> int:
        """The oldest event time that is still taken at `now`."""
        return _shift_months(now, -self.months) - self.days * DAY_MS

    def expires(self, event_time: int) -> int | None:
        """From when on an event of this time is not taken any more."""
        return _shift_months(event_time, self.months) + self.days * DAY_MS

    def faults(self, text: object, now: int, field: str) -> Iterator[Fault]:
        """What is wrong with an event time as it is written. What is no text is told by its type."""
        if not isinstance(text, str):
            return
        try:
            fault = self.fault(parse_rfc3339_utc(text), now)
        except ValueError as error:
            fault = str(error)
        if fault:
            yield Fault(field, fault)

    def fault(self, event_time: int, now: int) -> str | None:
        """What is wrong with this event time at `now`, in words; None if nothing."""
        if event_time > now + self.ahead_ms:
            return f"is more than {self.ahead_ms // 60_000} minutes in the future"
        surely_inside = now - (self.months * 28 + self.days) * DAY_MS
        if event_time < surely_inside and event_time < self.earliest(now):
            return f"is older than {f'{self.months} months' if self.months else f'{self.days} days'}"
        return None


class _Forever(Window):
    """No event time is too old, and none is checked."""

    def earliest(self, now: int) -> int:  # noqa: ARG002 - the interface
        return -(2**62)

    def expires(self, event_time: int) -> None:  # noqa: ARG002 - the interface
        return None

    def fault(self, event_time: int, now: int) -> None:  # noqa: ARG002 - the interface
        return None


FOREVER = _Forever()


def _shift_months(ms: int, months: int) -> int:
    """The same day and time of another month; a day that it has not is the first moment of the month after.

    So an event that is too old once stays too old, whichever way it is reckoned.
    """
    if not months:
        return ms
    moment = _EPOCH + ms * _MILLISECOND
    year, month = divmod(moment.year * 12 + moment.month - 1 + months, 12)
    if not 1 <= year <= 9999:
        return ms
    days = monthrange(year, month + 1)[1]
    if moment.day > days:
        shifted = datetime(year, month + 1, days, tzinfo=UTC) + timedelta(days=1)
    else:
        shifted = moment.replace(year=year, month=month + 1)
    return (shifted - _EPOCH) // _MILLISECOND
