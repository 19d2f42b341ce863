"""Times as a person writes them: RFC 3339, or an age like `90m`, `12h`, `3d`."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

_UNITS_MS = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
_DURATION = re.compile(r"(\d{1,9})([smhdw])", re.ASCII)
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LONGEST_MS = 36_500 * _UNITS_MS["d"]
EARLIEST, LATEST = -(10**13), 10**14  # the years 1653 and 5138: nothing died before, nothing expires after


def duration(text: str) -> int:
    """Milliseconds of `90m`, `12h`, `3d`. Raises ValueError with the fault in words."""
    found = _DURATION.fullmatch(text.strip().lower())
    if not found:
        raise ValueError("must be a number and s, m, h, d or w, like 90m, 12h or 3d")
    if (asked := int(found[1]) * _UNITS_MS[found[2]]) > _LONGEST_MS:
        raise ValueError("must be at most 36500d")
    return asked


def moment(text: str, now: int) -> int:
    """Milliseconds since 1970 of an RFC 3339 time in any zone, or of so long before `now`. Raises ValueError."""
    text = text.strip()
    if not _RFC3339.fullmatch(text):
        if not _DURATION.fullmatch(text.lower()):
            raise ValueError("must be RFC 3339, like 2026-11-22T10:00:00Z, or an age like 90m, 12h or 3d")
        return now - duration(text)
    try:
        return within((datetime.fromisoformat(text.upper()) - _EPOCH) // timedelta(milliseconds=1))
    except ValueError as error:
        raise ValueError(f"is not a time that exists: {error}") from None


def within(ms: int) -> int:
    """The nearest time that can be reckoned with and spelled. It means the same: no letter lies beyond."""
    return min(max(ms, EARLIEST), LATEST)
