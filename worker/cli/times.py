"""Points in time as operators write them."""

from __future__ import annotations

import re

import typer

from producers.clock import parse_rfc3339_utc

_AGE = re.compile(r"(\d{1,9})(s|m|h|d)")
_UNITS_MS = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}


def moment(text: str, now: int, hint: str) -> int:
    """Milliseconds: an RFC 3339 time in UTC, or an age (`90s`, `15m`, `2h`, `7d`) counted back from `now`."""
    if found := _AGE.fullmatch(text):
        return max(0, now - int(found[1]) * _UNITS_MS[found[2]])
    try:
        return parse_rfc3339_utc(text)
    except ValueError as error:
        raise typer.BadParameter(f"{error}, or an age like 2h", param_hint=hint) from None
