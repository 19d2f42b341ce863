"""Strangers' texts for a page, and numbers and times for people. Pure; templates escape what is markup."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any

# What a reader cannot see, or what changes the order in which others are shown: controls, marks of direction, invisible
# ones, halves of surrogate pairs.
_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff]"
)
_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400


def visible(text: str) -> str:
    """With its number in place of each character that cannot be seen."""
    return _HIDDEN.sub(lambda found: f"[U+{ord(found[0]):04X}]", text)


def pretty(value: Any) -> str:
    """JSON for people to read and edit: what cannot be seen is escaped, so nothing is lost."""
    return _HIDDEN.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(value, indent=2, ensure_ascii=False))


def exact(value: Any) -> str:
    """JSON that survives a browser's form as it is."""
    return json.dumps(value, separators=(",", ":"))


def shorten(text: str, most: int = 80) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def number(value: float) -> str:
    """12,345; a few places where it is small."""
    return f"{value:,.0f}" if value == int(value) or value >= 100 else f"{value:,.1f}"


def duration(seconds: float | None) -> str:
    """The largest unit that says enough: 45 s, 12 min, 3 h 5 min, 2 d 4 h."""
    if seconds is None:
        return "\N{EN DASH}"
    whole = max(0, int(seconds))
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE} min"
    if whole < _DAY:
        return _two(whole // _HOUR, "h", whole % _HOUR // _MINUTE, "min")
    return _two(whole // _DAY, "d", whole % _DAY // _HOUR, "h")


def clock(ms: float) -> str:
    """A moment (ms): 14:05 UTC."""
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%H:%M")


def day_and_clock(rfc3339: str) -> str:
    """2025-01-31 14:05:09, of an RFC 3339 time in UTC."""
    return rfc3339[:19].replace("T", " ") if rfc3339 else "\N{EN DASH}"


def _two(large: int, unit: str, small: int, lesser: str) -> str:
    return f"{large} {unit} {small} {lesser}" if small else f"{large} {unit}"
