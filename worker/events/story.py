"""The way of one event through its batches, told from their records: attempts, parts, its end."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, NamedTuple

import msgspec
from redis.asyncio import Redis

from producers.keys import Slot
from producers.prints import ID_BYTES

DELIVERED, DEAD, AGAIN, UNKNOWN = "delivered", "dead", "again", ""
STEPS = 200  # batches that are followed: a batch is halved some seventeen times, and renewed now and then
Entry = Mapping[str, Any]


class Attempt(NamedTuple):
    """One attempt at the batch that the event was in. Times in ms; `status`: None where no request was made.

    `ended`: when that was settled, and how for this event: delivered, dead, again, or nothing where that is not known.
    """

    batch: str
    at: int
    number: int
    status: int | None
    trace_id: str
    codes: tuple[str, ...]
    ms: int
    events: int
    outcome: str
    ended: int


class Way(NamedTuple):
    """What the records tell. `batch`: the one that the event was in last; `end`: delivered, dead, or nothing yet known.

    `opened`: when its first batch was opened (ms), 0 if no record tells; `replayed`: it was dead before.
    """

    batch: str
    attempts: tuple[Attempt, ...] = ()
    end: str = UNKNOWN
    opened: int = 0
    replayed: bool = False


class Records:
    """Reads the records of one slot."""

    def __init__(self, redis: Redis, slot: Slot) -> None:
        self._redis: Any = redis
        self._slot = slot

    async def way(self, batch: str, event: bytes) -> Way:
        """Of the event of this print, from the batch that it went into; earlier lives first, if it was replayed."""
        way = await self._from(batch, event)
        first = await self._entries(batch)
        before = await self._lives(first, event)
        attempts = (*chain.from_iterable(before), *way.attempts)
        replayed = bool(before) or any("b" in entry for entry in first)
        return way._replace(attempts=attempts, replayed=replayed)

    async def _from(self, batch: str, event: bytes) -> Way:
        """Down from a batch, through its parts."""
        source, attempts, opened = batch, [], 0
        for _ in range(STEPS):
            entries = await self._entries(batch)
            place = await self._place(source, event) if any("parts" in entry for entry in entries) else -1
            told = [_attempt(batch, entry, _outcome(entry, event, place)) for entry in entries]
            attempts += [each for each in told if each.number]
            last = entries[-1] if entries else {}
            opened = opened or last.get("o", 0)
            following = _part_of(last, place)
            if following is None:
                return Way(batch, tuple(attempts), _end(last, told), opened)
            batch = following
        return Way(batch, tuple(attempts), UNKNOWN, opened)

    async def _lives(self, entries: Sequence[Entry], event: bytes) -> list[tuple[Attempt, ...]]:
        """The attempts of the batches in which it died before, each with what led to it; the first life first."""
        lives: list[tuple[Attempt, ...]] = []
        while (batch := _before(entries, event)) and len(lives) < STEPS:
            above = await self._above(batch)
            way = await self._from(above, event)
            lives.append(way.attempts if way.end == DEAD and way.batch == batch else ())
            entries = await self._entries(above)
        return lives[::-1]

    async def _above(self, batch: str) -> str:
        """The whole batch that this one is a part of, as far as records reach."""
        for _ in range(STEPS):
            entries = await self._entries(batch)
            parent = entries[-1].get("of") if entries else None
            if not parent or not await self._entries(parent):
                return batch
            batch = parent
        return batch

    async def _entries(self, batch: str) -> list[Entry]:
        text = await self._redis.get(self._slot.key("record", batch))
        return [msgspec.json.decode(line) for line in (text or b"").splitlines()]

    async def _place(self, source: str, event: bytes) -> int:
        """Where in the list of the whole batch it stood; -1 if that is not known."""
        prints = await self._redis.get(self._slot.key("prints", source)) or b""
        places = (at for at in range(0, len(prints), ID_BYTES) if prints[at : at + ID_BYTES] == event)
        return next(places, -ID_BYTES) // ID_BYTES


def _attempt(batch: str, entry: Entry, outcome: str) -> Attempt:
    codes, events = tuple(entry.get("c", ())), entry["e"]
    told = entry.get("at", 0), entry.get("n", 0), entry.get("s"), entry.get("t", ""), codes, entry.get("ms", 0), events
    return Attempt(batch, *told, outcome, entry["now"])


def _outcome(entry: Entry, event: bytes, place: int) -> str:
    """What came of the event in this attempt."""
    if "g" in entry:  # an erasure
        return AGAIN if _part_of(entry, place) else UNKNOWN
    for name, outcome in (("d", DELIVERED), ("x", DEAD), ("a", AGAIN)):
        if entry.get(name) == entry["e"]:
            return outcome
    if event in _each(entry.get("p", "")):
        return DEAD
    if "parts" not in entry:
        return DELIVERED
    return UNKNOWN if place < 0 else AGAIN if _part_of(entry, place) else DELIVERED


def _before(entries: Sequence[Entry], event: bytes) -> str | None:
    """The batch in which it died before it was replayed into this one."""
    told = (each for entry in entries for each in entry.get("b", {}).items())
    return next((batch for batch, prints in told if event in _each(prints)), None)


def _each(text: str) -> Iterator[bytes]:
    prints = b64decode(text)
    return (prints[at : at + ID_BYTES] for at in range(0, len(prints), ID_BYTES))


def _part_of(entry: Entry, place: int) -> str | None:
    """The part that took the event along. What went on as a whole needs no place."""
    parts: list[tuple[str, int, int]] = entry.get("parts", [])
    if len(parts) == 1 and entry.get("a") == entry["e"] and "g" not in entry:
        return parts[0][0]
    return next((part for part, first, last in parts if first <= place <= last), None)


def _end(last: Entry, told: Sequence[Attempt]) -> str:
    return told[-1].outcome if "o" in last and told[-1].outcome != AGAIN else UNKNOWN
