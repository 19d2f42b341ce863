"""Which letters a replay comes to next."""

from __future__ import annotations

from typing import Any

from redis.asyncio import Redis

from producers.keys import Slot
from worker.dead_letters.finding import Finder
from worker.dead_letters.moving import Candidate
from worker.replay.record import Record

PAGE = 500


class Choosing:
    """Reads the letters of one slot in the order in which they died."""

    def __init__(self, redis: Redis, finder: Finder, slot: Slot) -> None:
        self._redis: Any = redis
        self._finder = finder
        self._slot = slot

    async def next_of(self, record: Record) -> tuple[list[Candidate], bool]:
        """What comes behind the place where the replay stands, and whether that is all of this pass."""
        return await (self._set_aside(record) if record.in_passes else self._by_time(record))

    async def _set_aside(self, record: Record) -> tuple[list[Candidate], bool]:
        _, last = record.behind
        key = self._slot.key("aside", record.id)
        places = await self._redis.zrange(key, f"({int(last)}" if last else "-inf", "+inf", 0, PAGE, byscore=True)
        found = [place.decode() for place in places]
        letters = await self._finder.read(self._slot, [place.partition(":")[2] for place in found])
        by_number = {letter.number: letter for letter in letters}
        return [Candidate(each, by_number.get(each.partition(":")[2])) for each in found], len(found) < PAGE

    async def _by_time(self, record: Record) -> tuple[list[Candidate], bool]:
        """Only letters that the filter takes and that were there when the replay began."""
        behind = record.behind
        found: list[Candidate] = []
        start = 0
        while len(found) < PAGE:
            page = await self._page(behind[0], start)
            start += len(page)
            numbers = [number for at, number in page if (at, number) > behind and number <= record.bound]
            letters = await self._finder.read(self._slot, numbers) if numbers else []
            found += [Candidate.of(letter) for letter in letters if record.chosen.takes(letter)]
            if len(page) < PAGE:
                return found, True
        return found, False

    async def _page(self, at: int, start: int) -> list[tuple[int, str]]:
        key = self._slot.key("dead")
        rows = await self._redis.zrangebyscore(key, at or "-inf", "+inf", start, PAGE, withscores=True)
        return [(int(died), number.decode()) for number, died in rows]
