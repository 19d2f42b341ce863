"""Looks through everything that lies in the slots of a buffer. An operator's way to search: nothing hot goes here."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Iterable, Iterator, Sequence
from typing import Any

from redis.asyncio import Redis

from producers.keys import LAYOUT, Slot
from worker.buffer.erasing import FIELDS, SLICE, Owner, Theirs

COUNT = 1_000  # keys that one step of a SCAN looks at
CHUNK = 100  # letters read in one round trip
List = tuple[Slot, str]


async def names(redis: Any, slots: Collection[Slot], kind: str) -> AsyncIterator[list[tuple[Slot, str]]]:
    """The keys of a kind, a page at a time: each that is there all the while at least once."""
    by_base, cursor = {slot.key(kind, "-").encode()[:-1]: slot for slot in slots}, 0
    pattern = f"{next(iter(slots)).namespace}:{LAYOUT}:{{*}}:{kind}:*"
    while True:
        cursor, keys = await redis.scan(cursor, match=pattern, count=COUNT)
        found = (_split(key, kind) for key in keys)
        yield [(by_base[base], name.decode()) for base, name in found if base in by_base]
        if cursor == 0:
            return


class Lists:
    """The lists of events. What was read once and holds nothing of theirs is not read again, only what was appended."""

    def __init__(self, redis: Redis, slots: Collection[Slot], theirs: Theirs) -> None:
        self._redis: Any = redis
        self._slots = slots
        self._theirs = theirs
        self._clean: dict[List, int] = {}  # so many places from the first

    async def theirs(self) -> list[List]:
        """Those that hold something of theirs: also what no batch of a shared list holds any more."""
        found: dict[List, None] = {}
        async for page in names(self._redis, self._slots, "events"):
            for group in _groups(self._unread(page, await self._lengths(page))):
                for (where, first, _), events in zip(group, await self._read(group), strict=True):
                    if any(map(self._theirs, events)):
                        found[where] = None
                    elif where not in found:
                        self._clean[where] = first + len(events)
        return list(found)

    async def _lengths(self, page: Sequence[List]) -> list[int]:
        pipeline = self._redis.pipeline(transaction=False)
        for slot, source in page:
            pipeline.llen(slot.key("events", source))
        return list(await pipeline.execute())

    def _unread(self, page: Sequence[List], lengths: Sequence[int]) -> Iterator[tuple[List, int, int]]:
        for where, length in zip(page, lengths, strict=True):
            for first in range(self._clean.get(where, 0), length, SLICE):
                yield where, first, min(first + SLICE, length) - 1

    async def _read(self, group: Sequence[tuple[List, int, int]]) -> list[list[bytes]]:
        pipeline = self._redis.pipeline(transaction=False)
        for (slot, source), first, last in group:
            pipeline.lrange(slot.key("events", source), first, last)
        return list(await pipeline.execute())


class Letters:
    """The dead letters; each is read once."""

    def __init__(self, redis: Redis, slots: Collection[Slot], theirs: Callable[[Slot, bytes], bool]) -> None:
        self._redis: Any = redis
        self._slots = slots
        self._theirs = theirs
        self._clean: set[tuple[Slot, str]] = set()

    async def theirs(self) -> dict[Slot, list[str]]:
        """The numbers of their letters."""
        found: dict[Slot, dict[str, None]] = {}
        async for page in names(self._redis, self._slots, "letter"):
            unread = [each for each in page if each not in self._clean]
            for start in range(0, len(unread), CHUNK):
                for (slot, number), stored in await self._read(unread[start : start + CHUNK]):
                    if self._theirs(slot, stored):
                        found.setdefault(slot, {})[number] = None
                    else:
                        self._clean.add((slot, number))
        return {slot: list(numbers) for slot, numbers in found.items()}

    async def _read(self, letters: Sequence[tuple[Slot, str]]) -> list[tuple[tuple[Slot, str], bytes]]:
        pipeline = self._redis.pipeline(transaction=False)
        for slot, number in letters:
            pipeline.hget(slot.key("letter", number), "event")
        return [pair for pair in zip(letters, await pipeline.execute(), strict=True) if pair[1] is not None]


async def owners_of(redis: Any, slots: Collection[Slot], lists: Collection[List]) -> dict[List, list[Owner]]:
    """The batches that hold places of these lists; none of a list that went meanwhile."""
    found: dict[List, dict[str, Owner]] = {where: {} for where in lists}
    async for page in names(redis, slots, "batch"):
        pipeline = redis.pipeline(transaction=False)
        for slot, batch_id in page:
            pipeline.hmget(slot.key("batch", batch_id), *FIELDS)
        for (slot, batch_id), fields in zip(page, await pipeline.execute(), strict=True):
            owner = Owner.of(batch_id, fields)
            if owner and (slot, owner.source) in found:
                found[slot, owner.source][batch_id] = owner
    return {where: list(owners.values()) for where, owners in found.items()}


def _split(key: bytes, kind: str) -> tuple[bytes, bytes]:
    """Base and name of a key. An account may be called anything, also like a key."""
    end = key.find(b"}:") + 2 + len(kind) + 1
    return key[:end], key[end:]


def _groups(slices: Iterable[tuple[List, int, int]]) -> Iterator[list[tuple[List, int, int]]]:
    """As many as make up one slice, to be read in one round trip."""
    group: list[tuple[List, int, int]] = []
    events = 0
    for each in slices:
        size = each[2] - each[1] + 1
        if group and events + size > SLICE:
            yield group
            group, events = [], 0
        group.append(each)
        events += size
    if group:
        yield group
