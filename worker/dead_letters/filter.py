"""Which letters are meant, and where they lie."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, islice
from typing import Any, NamedTuple, Self

from producers.keys import Slot
from worker.dead_letters.asked import within
from worker.dead_letters.letter import Letter

CHUNK = 100  # letters that one script call changes


class Filter(NamedTuple):
    """Which letters are meant. Nothing given means all of them. Times in milliseconds since 1970.

    `code`: the first one. `since`, `until`: died at that time or later, before that time. `expires_after`,
    `expires_before`: its event expires at that time or later, or never, and before that time. `text`: stands in the
    event, its id or its reasons, in capitals or not. `attempts`: at least so many, in all its lives.
    """

    destination: str | None = None
    account: str | None = None
    code: str | None = None
    ids: Sequence[str] = ()
    since: int | None = None
    until: int | None = None
    expires_before: int | None = None
    expires_after: int | None = None
    text: str | None = None
    attempts: int | None = None

    @property
    def indexed(self) -> bool:
        """Whether indexes answer all of it; else each letter that they leave must be read."""
        return not self.ids and self.text is None and self.attempts is None

    @property
    def counted(self) -> bool:
        """Whether counters and the sizes of indexes tell how many letters it takes."""
        return self.indexed and not self.by_expiry

    @property
    def by_expiry(self) -> bool:
        return (self.expires_before, self.expires_after) != (None, None)

    def takes(self, letter: Letter) -> bool:
        """Whether it is one of them, wherever it was found."""
        return (
            self.destination in (None, letter.slot.destination)
            and self.account in (None, letter.of.account)
            and self.code in (None, letter.code)
            and (not self.ids or letter.id in self.ids)
            and _within(letter.died_at, self.since, self.until)
            and self._expires(letter.expires_at)
            and (self.text is None or letter.mentions(self.text))
            and (self.attempts is None or letter.attempts >= self.attempts)
        )

    def given(self) -> dict[str, Any]:
        """What is given, by name."""
        told = self._asdict() | {"ids": list(self.ids)}
        return {name: value for name, value in told.items() if value not in (None, [])}

    def told(self) -> dict[str, Any]:
        """The same for the audit: ids are counted, and a text is not repeated. Either may name a person."""
        hidden: dict[str, Any] = {"ids": len(self.ids), "text": True}
        return {name: hidden.get(name, value) for name, value in self.given().items()}

    def to_json(self) -> str:
        return json.dumps(self.given(), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Raises ValueError for what `to_json` would not have given. A time that nobody can reckon with is bounded."""
        try:
            given = json.loads(text)
        except RecursionError:
            raise ValueError("a filter is not that deep") from None
        if not isinstance(given, dict):
            raise ValueError("a filter is an object")
        if wrong := [name for name, value in given.items() if not _fits(name, value)]:
            raise ValueError(f"no filter has these, or not so: {', '.join(wrong)}")
        return cls(**given | {name: within(value) for name, value in given.items() if name in TIMES})

    def _expires(self, at: int | None) -> bool:
        return _within(at, self.expires_after, self.expires_before) if at is not None else self.expires_before is None


def _within(at: int, since: int | None, until: int | None) -> bool:
    return (since is None or at >= since) and (until is None or at < until)


TIMES = ("since", "until", "expires_before", "expires_after")
_TEXTS = ("destination", "account", "code", "text")


def _fits(name: str, value: Any) -> bool:
    if name == "ids":
        return isinstance(value, list) and all(isinstance(each, str) for each in value)
    if name in _TEXTS:
        return isinstance(value, str)
    return name in Filter._fields and isinstance(value, int) and not isinstance(value, bool)


class Place(NamedTuple):
    """Where one letter lies."""

    slot: Slot
    number: str


class Cursor(NamedTuple):
    """A letter behind which a search goes on. `at`: when it died (ms). Without a destination: of the slot looked in."""

    at: int
    number: str
    destination: str = ""
    shard: int = 0

    @classmethod
    def of(cls, letter: Letter) -> Cursor:
        return cls(letter.died_at, letter.number, letter.slot.destination, letter.slot.shard)


def chunks(places: Iterable[Place]) -> Iterator[tuple[Slot, list[str]]]:
    """Neighbours of one slot, at most a chunk together."""
    for slot, group in groupby(places, key=lambda place: place.slot):
        numbers = (place.number for place in group)
        while chunk := list(islice(numbers, CHUNK)):
            yield slot, chunk
