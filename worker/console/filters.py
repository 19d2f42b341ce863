"""Which dead letters a page is about: the fields of the filter form, which are the parameters of its address."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from starlette.exceptions import HTTPException

from worker.console.known import queue_of
from worker.dead_letters import Filter
from worker.dead_letters.asked import duration, moment
from worker.dead_letters.filter import Cursor

FIELDS = ("destination", "account", "code", "id", "since", "until", "expires", "text", "attempts")
EXPIRED = "expired"
LONGEST = 9


class InvalidFilter(HTTPException):
    """A field says what cannot be meant."""

    def __init__(self, field: str, fault: str) -> None:
        super().__init__(400, f"{field} {fault}")


def fields_of(given: Mapping[str, Any]) -> dict[str, str]:
    """What an address says of each field; nothing where it says nothing."""
    return {name: given.get(name, "") for name in FIELDS}


def filter_of(fields: Mapping[str, str], now: int) -> Filter:
    """Ages are counted back from `now` (ms). Raises `InvalidFilter`, or `HTTPException` for an unknown queue.

    `expires`: within so long, or `expired`. `since` and `until`: RFC 3339, or an age.
    """
    expires = fields["expires"].strip()
    within = _read("expires within", expires, lambda text: now + duration(text)) if expires != EXPIRED else None
    return Filter(
        destination=queue_of(fields["destination"]),
        account=fields["account"] or None,
        code=fields["code"] or None,
        ids=(fields["id"],) if fields["id"] else (),
        since=_read("died since", fields["since"], lambda text: moment(text, now)),
        until=_read("died before", fields["until"], lambda text: moment(text, now)),
        expires_before=now if expires == EXPIRED else within,
        expires_after=None if within is None else now,
        text=fields["text"] or None,
        attempts=_read("attempts", fields["attempts"], _whole),
    )


def sent_filter(text: str) -> Filter:
    """What a form carries: exactly the filter that was shown. Raises `HTTPException`."""
    try:
        chosen = Filter.from_json(text)
    except ValueError as error:
        raise HTTPException(400, f"filter: {error}") from None
    queue_of(chosen.destination or "")
    return chosen


def cursor_of(text: str) -> Cursor | None:
    """From `cursor_text`; None for what is none."""
    at, _, rest = text.partition(".")
    number, _, rest = rest.partition(".")
    destination, _, shard = rest.rpartition(".")
    sound = all(each.isascii() and each.isdigit() and len(each) < 16 for each in (at, number, shard))
    return Cursor(int(at), number, destination, int(shard)) if sound else None


def cursor_text(cursor: Cursor) -> str:
    return f"{cursor.at}.{cursor.number}.{cursor.destination}.{cursor.shard}"


def in_words(fields: Mapping[str, str]) -> list[tuple[str, str]]:
    """The fields that say something."""
    return [(name, value) for name, value in fields.items() if value] or [("all", "dead letters")]


def _read(field: str, text: str, reading: Callable[[str], int]) -> int | None:
    try:
        return reading(text) if text.strip() else None
    except ValueError as error:
        raise InvalidFilter(field, str(error)) from None


def _whole(text: str) -> int:
    number = int(text) if text.isascii() and text.isdigit() and len(text) <= LONGEST else -1
    if number < 0:
        raise ValueError("must be a whole number")
    return number
