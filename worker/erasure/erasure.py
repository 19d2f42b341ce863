"""Removes a person's events from everywhere they may wait: from Redis, and from whatever other place is named."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, Protocol

from redis.asyncio import Redis

from producers.destinations import DESTINATIONS, Whole
from producers.keys import Slot
from producers.settings import BufferSettings
from worker.buffer.calls import Call, run_one
from worker.buffer.erasing import IN_FLIGHT, Erasing, Owner, Run
from worker.buffer.looking import Letters, Lists, owners_of
from worker.delivery.records import NOBODY, known_by
from worker.erasure.person import Person
from worker.intake.letters import NAME as INTAKE

LOOK_S = 0.1
CLEAN = 2  # passes in a row that find nothing: what an operator replays meanwhile may go past one
PASSES = 10  # at least so many, if nothing is in flight, however little time there is
CHUNK = 100
DEAD = "dead"
Where = tuple[str, str]


class Found(NamedTuple):
    """How many events, by destination and state. `left`: those that could not be erased.

    `more`: whether new ones came until the end of the time.
    """

    events: Counter[Where]
    left: Counter[Where]
    more: bool = False


class Place(Protocol):
    """Somewhere a person's events may wait."""

    async def find(self, person: Person) -> Found:
        """What is there now; changes nothing."""

    async def erase(self, person: Person) -> Found:
        """Removes what is there, and says what could not be removed."""


async def erase_from(places: Iterable[Place], person: Person) -> Found:
    """One place after the other, in the order in which events go: what leaves one is found in the next."""
    return _together([await place.erase(person) for place in places])


async def find_in(places: Iterable[Place], person: Person) -> Found:
    return _together([await place.find(person) for place in places])


def _together(found: Sequence[Found]) -> Found:
    events = sum((each.events for each in found), Counter[Where]())
    left = sum((each.left for each in found), Counter[Where]())
    return Found(events, left, any(each.more for each in found))


class RedisPlace:
    """All slots of one buffer, and all dead letters. `timeout_s`: how long events in flight are waited for.

    `records_ms`: how long records of batches are kept.
    """

    def __init__(self, redis: Redis, buffer: BufferSettings, timeout_s: float, records_ms: int = 0) -> None:
        self._records_ms = records_ms
        self._redis = redis
        self._buffer = buffer
        self._timeout_s = timeout_s

    async def find(self, person: Person) -> Found:
        seen = await _Passes(self._redis, self._buffer, person, dry=True).next()
        return Found(seen.found + seen.flying, Counter())

    async def erase(self, person: Person) -> Found:
        """Pass after pass, until nothing more is found, or time is over."""
        ends, over = time.monotonic() + self._timeout_s, False
        passes, total = _Passes(self._redis, self._buffer, person, records_ms=self._records_ms), Counter[Where]()
        number = clean = 0
        while clean < CLEAN and not over:
            seen = await passes.next()
            total += seen.found
            number, clean = number + 1, 0 if seen.anything else clean + 1
            over = not await self._settled(seen.owners, ends) or (number >= PASSES and time.monotonic() >= ends)
        return Found(total, seen.flying if clean < CLEAN else Counter(), more=clean < CLEAN and not seen.flying)

    async def _settled(self, flying: Sequence[tuple[Slot, Owner]], ends: float) -> bool:
        """Whether one of these attempts came to its end in time; also if there are none."""
        while flying:
            for slot, owner in flying:
                now = await Erasing(self._redis, slot).owners([owner.id])
                if not now or (now[0].state, now[0].token) != (IN_FLIGHT, owner.token):
                    return True
            if time.monotonic() >= ends:
                return False
            await asyncio.sleep(LOOK_S)
        return True


class _Seen(NamedTuple):
    """One pass: what was erased, what is in flight and in which batches, and whether there was anything at all."""

    found: Counter[Where]
    flying: Counter[Where]
    owners: list[tuple[Slot, Owner]]
    anything: bool = False


class _Passes:
    """Each looks at what the one before did not know. First at the lists: what leaves them dies, or is delivered."""

    def __init__(
        self, redis: Redis, buffer: BufferSettings, person: Person, *, dry: bool = False, records_ms: int = 0
    ) -> None:
        self._records_ms = records_ms
        self._redis: Any = redis
        self._person = person
        self._dry = dry
        self._slots = [Slot(buffer.key_prefix, name, shard) for name in DESTINATIONS for shard in range(buffer.shards)]
        self._lists = Lists(redis, self._slots, person.is_in)
        self._letters = Letters(redis, [*self._slots, Slot(buffer.key_prefix, INTAKE, 0)], self._is_theirs)

    async def next(self) -> _Seen:
        self._seen = _Seen(Counter(), Counter(), [])
        lists = await self._lists.theirs()
        owners = await owners_of(self._redis, self._slots, lists) if lists else {}
        for (slot, source), sharing in owners.items():
            await self._list(Erasing(self._redis, slot, records_ms=self._records_ms), source, sharing)
        letters = await self._letters.theirs()
        for slot, numbers in letters.items():
            self._seen.found[slot.destination, DEAD] += len(numbers) if self._dry else await self._bury(slot, numbers)
        return self._seen._replace(anything=bool(lists or letters))

    def _is_theirs(self, slot: Slot, stored: bytes) -> bool:
        """A letter. A message of the intake may be anything."""
        return self._person.is_in_message(stored) if slot.destination == INTAKE else self._person.is_in(stored)

    async def _list(self, erasing: Erasing, source: str, sharing: Sequence[Owner]) -> None:
        """Out of each batch that shares the list; and out of what nobody holds, once no batch has any."""
        any_held = False
        for owner in sharing:
            runs = await erasing.runs(source, owner.first, owner.last, self._person.is_in)
            if runs:
                any_held |= owner.state != IN_FLIGHT
                await self._batch(erasing, owner, runs)
        if not any_held and not self._dry:
            await self._leavings(erasing, source, sharing)

    async def _batch(self, erasing: Erasing, owner: Owner, runs: Sequence[Run]) -> None:
        where, events = (erasing.slot.destination, owner.state), sum(run.events for run in runs)
        if owner.state == IN_FLIGHT:
            self._seen.flying[where] += events
            self._seen.owners.append((erasing.slot, owner))
        else:
            prints = await self._prints(erasing.slot, owner) if self._records_ms and not self._dry else b""
            self._seen.found[where] += events if self._dry else await erasing.erase(owner, runs, prints)

    async def _prints(self, slot: Slot, owner: Owner) -> bytes:
        """By which what stays is found again; nothing is left by which the person would be."""
        names: Any = await self._redis.hmget(slot.key("batch", owner.id), "account", "order", "kind")
        of, to = Whole(*((name or b"").decode() for name in names)), DESTINATIONS[slot.destination]
        events = await self._redis.lrange(slot.key("events", owner.source), owner.first, owner.last)
        theirs = self._person.is_in
        return b"".join(NOBODY if not each or theirs(each) else known_by(to, of, each) for each in events)

    async def _leavings(self, erasing: Erasing, source: str, sharing: Sequence[Owner]) -> None:
        """Events of a shared list that were delivered, or died: their text goes before the last of the others does."""
        end = await self._redis.llen(erasing.slot.key("events", source))
        runs, free = [], 0
        for first, last in [*sorted((owner.first, owner.last) for owner in sharing), (end, end)]:
            runs += await erasing.runs(source, free, first - 1, self._person.is_in)
            free = last + 1
        if runs:
            await erasing.blank(source, sharing, runs)

    async def _bury(self, slot: Slot, numbers: Sequence[str]) -> int:
        chunks = [numbers[start : start + CHUNK] for start in range(0, len(numbers), CHUNK)]
        calls = [Call("discard", slot.fixed, ["discarded", *chunk]) for chunk in chunks]
        return sum([int(await run_one(self._redis, call)) for call in calls])
