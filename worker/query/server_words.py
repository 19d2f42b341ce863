"""The server's own words of a refusal, fit for a terminal and a log. The API publishes no form for its errors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from worker.access.oauth import UNREADABLE

LONGEST = 300  # characters
_NAMES = ("message", "error_description", "detail", "error", "errors", "data", "title")
_DEEPEST = 4


def server_words(body: bytes, conceal: Sequence[str] = ()) -> str:
    """The message in a JSON body, empty if there is none; without control characters and without the secrets."""
    try:
        text = _message(msgspec.json.decode(body), _DEEPEST)
    except UNREADABLE:
        return ""
    for secret in filter(None, conceal):
        text = text.replace(secret, "…")
    printable = "".join(character if character.isprintable() else " " for character in text)
    return printable if len(printable) <= LONGEST else printable[:LONGEST] + "…"


def _message(value: Any, levels: int) -> str:
    """The first text under one of the names that APIs use, some levels down; several of a list are joined."""
    if isinstance(value, str) or levels == 0:
        return value if isinstance(value, str) else ""
    if isinstance(value, list):
        return "; ".join(filter(None, (_message(item, levels - 1) for item in value)))
    if isinstance(value, dict):
        found = (_message(value[name], levels - 1) for name in _NAMES if name in value)
        return next(filter(None, found), "")
    return ""
