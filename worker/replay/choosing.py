"""Which letters a replay comes to next."""

from __future__ import annotations

from contextlib import aclosing
from typing import Any

from redis.asyncio import Redis

from producers.keys import Slot
from worker.dead_letters.finding import Finder
from worker.dead_letters.moving import Candidate
from worker.replay.record import Record

PAGE = 200  # read at once: what is delivered meanwhile waits a few milliseconds for it


class Choosing:
    """Reads the letters of one slot in the order in which they died."""

    def __init__(self, redis: Redis, finder: Finder, slot: Slot) -> None:
        self._redis: Any = redis
        self._finder = finder
        self._slot = slot

    async def next_of(self, record: Record) -> tuple[list[Candidate], bool]:
        """What comes behind the place where the replay stands, and whether that is all of this pass."""
        found = await (self._set_aside(record) if record.in_passes else self._first_pass(record))
        return found, len(found) < PAGE

    async def _set_aside(self, record: Record) -> list[Candidate]:
        key, behind = self._slot.key("aside", record.id), record.behind
        start = f"({int(behind.number)}" if behind else "-inf"
        places = await self._redis.zrange(key, start, "+inf", byscore=True, offset=0, num=PAGE)
        numbers = {place.decode(): place.decode().partition(":")[2] for place in places}
        letters = {letter.number: letter for letter in await self._finder.read(self._slot, list(numbers.values()))}
        return [Candidate(place, letters.get(number)) for place, number in numbers.items()]

    async def _first_pass(self, record: Record) -> list[Candidate]:
        """Only letters that the filter takes and that were there when the replay began."""
        found: list[Candidate] = []
        letters = self._finder.find(
            record.chosen, oldest_first=True, after=record.behind, until=record.bound, slot=self._slot
        )
        async with aclosing(letters) as reading:  # type: ignore[type-var]
            async for letter in reading:
                found.append(Candidate.of(letter))
                if len(found) == PAGE:
                    break
        return found
