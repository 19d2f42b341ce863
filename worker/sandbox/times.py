"""Event times: RFC 3339 in UTC, and the windows in which the APIs take them in. The clock is the caller's."""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

OLDEST_MONTHS = 18
NEWEST = timedelta(minutes=5)
OLDEST_OF_SERVER_EVENTS = timedelta(days=3)

# `fromisoformat` takes more of ISO 8601 than RFC 3339 has (weeks, no separators), so the form is checked first.
_RFC_3339_UTC = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt]([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]+)?([Zz]|[+-]00:00)"
)


@dataclass(frozen=True, slots=True)
class Window:
    """The times an event may have, both ends included."""

    oldest: datetime
    newest: datetime

    @classmethod
    def at(cls, now: datetime) -> Window:
        """Event API, Parameters, `eventTime`: not older than 18 months, not more than 5 minutes in the future."""
        return cls(months_before(now, OLDEST_MONTHS), now + NEWEST)


def server_events_window(now: datetime) -> Window:
    """Server Events API, PartnerEvent, note: "not future dated (5m leeway), not more than three days in the past"."""
    return Window(now - OLDEST_OF_SERVER_EVENTS, now + NEWEST)


def parse_utc(text: str) -> datetime | None:
    """An RFC 3339 time in UTC, to the microsecond; None if it is anything else."""
    if not _RFC_3339_UTC.fullmatch(text):
        return None
    try:
        return datetime.fromisoformat(text[:19].upper() + _fraction(text)).replace(tzinfo=UTC)
    except ValueError:  # the form is right, the day does not exist
        return None


def months_before(moment: datetime, months: int) -> datetime:
    """Calendar months earlier; a day that month does not have becomes its last (31 August -> 28 February)."""
    year, month = divmod(moment.year * 12 + moment.month - 1 - months, 12)
    day = min(moment.day, calendar.monthrange(year, month + 1)[1])
    return moment.replace(year=year, month=month + 1, day=day)


def _fraction(text: str) -> str:
    digits = text[20:-1] if text[-1] in "Zz" else text[20:-6]
    return f".{digits[:6]:0<6}" if text[19] == "." else ""
