"""Which letters a replay comes to next."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Sequence
from typing import Any, NamedTuple

from redis.asyncio import Redis

from producers.keys import Slot
from worker.dead_letters.finding import A_SECOND, Finder
from worker.dead_letters.indexes import Found, Order
from worker.dead_letters.letter import Letter
from worker.dead_letters.moving import Candidate
from worker.replay.record import Record

PAGE = 100  # read ahead at once
MOST = 2_000  # looked at for it, where the filter takes few: then what was found is gone on with
BITE = 20  # of them, between which deliveries have their turn: a millisecond of this process


class Stretch(NamedTuple):
    """What was found in a stretch of the letters. `through`: the last place that was looked at, taken or not."""

    found: list[Candidate]
    is_last: bool
    through: str = ""


class Choosing:
    """Reads the letters that one replay means in one slot, in the order in which they died.

    It stays where it is in the indexes between two calls, so that no page of them is read twice.
    """

    def __init__(self, redis: Redis, finder: Finder, slot: Slot) -> None:
        self._redis: Any = redis
        self._finder = finder
        self._slot = slot
        self._pages: AsyncGenerator[list[Found], None] | None = None
        self._ahead: deque[Found] = deque()

    async def next_of(self, record: Record) -> Stretch:
        """What comes behind the place where the replay stands, as far as one look goes.

        Each call goes on behind the one before, or after `close` where the record says.
        """
        try:
            return await (self._set_aside(record) if record.in_passes else self._first_pass(record))
        except BaseException:
            await self.close()  # what was read ahead is lost: the next call begins where the record says
            raise

    async def close(self) -> None:
        """Forgets what was read ahead."""
        self._ahead.clear()
        if self._pages:
            await self._pages.aclose()
            self._pages = None

    async def _set_aside(self, record: Record) -> Stretch:
        key, behind = self._slot.key("aside", record.id), record.behind
        start = f"({int(behind.number)}" if behind else "-inf"
        aside = await self._redis.zrange(key, start, "+inf", byscore=True, offset=0, num=PAGE)
        places = [each.decode() for each in aside]
        found: list[Candidate] = []
        for at in range(0, len(places), BITE):
            numbers = {place: place.partition(":")[2] for place in places[at : at + BITE]}
            letters = await self._finder.read(self._slot, list(numbers.values()))
            told = {letter.number: Candidate.of(letter) for letter in letters}
            found += [told.get(number, Candidate(place)) for place, number in numbers.items()]
            await asyncio.sleep(0)
        return Stretch(found, len(found) < PAGE, places[-1] if places else "")

    async def _first_pass(self, record: Record) -> Stretch:
        """Only letters that the filter takes and that were there when the replay began."""
        found, looked, through = list[Candidate](), 0, ""
        while len(found) < PAGE and looked < MOST:
            if not await self._has_more(record):
                return Stretch(found, True, through)
            some = [self._ahead.popleft() for _ in range(min(BITE, PAGE - len(found), len(self._ahead)))]
            found += [Candidate.of(each) for each in await self._taken(record, some)]
            looked, through = looked + len(some), f"{some[-1].at}:{some[-1].number}"
            await asyncio.sleep(0 if record.chosen.indexed else len(some) / A_SECOND)
        return Stretch(found, False, through)

    async def _taken(self, record: Record, some: Sequence[Found]) -> list[Letter]:
        return [letter for letter in await self._finder.letters(some) if record.chosen.takes(letter)]

    async def _has_more(self, record: Record) -> bool:
        if self._pages is None:
            order = Order.of(record.chosen, True, record.behind, record.bound)
            self._pages = self._finder.places(record.chosen, order, self._slot)
        if not self._ahead:
            self._ahead.extend(await anext(self._pages, []))
        return bool(self._ahead)
