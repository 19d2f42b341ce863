"""Finds dead letters by indexes, a page at a time; what no index knows, by reading letters at a bounded pace."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Mapping, Sequence
from typing import Any

from redis.asyncio import Redis

from producers.destinations import DESTINATIONS
from producers.keys import Slot
from producers.settings import BufferSettings
from worker.dead_letters.choosing import Choosing, codes_and_accounts
from worker.dead_letters.filter import Cursor, Filter
from worker.dead_letters.indexes import Found, Order
from worker.dead_letters.letter import Letter
from worker.intake.letters import NAME as INTAKE

A_SECOND = 20_000  # letters that a scan reads: Redis has others to serve


class Finder:
    """Looks through all dead-letter queues of one buffer, and changes nothing.

    `a_second`: so many letters are read at the most where no index answers.
    """

    def __init__(self, redis: Redis, buffer: BufferSettings, a_second: float = A_SECOND) -> None:
        self._redis: Any = redis  # its stubs know neither bytes nor awaitables apart
        self._buffer = buffer
        self._a_second = a_second

    async def find(
        self,
        chosen: Filter,
        *,
        oldest_first: bool = False,
        after: Cursor | None = None,
        until: str | None = None,
        slot: Slot | None = None,
    ) -> AsyncIterator[Letter]:
        """The letters that the filter takes, newest first unless told, of all slots in one order; a page at a time.

        `after`: goes on behind this one. `until`: the newest number that counts. `slot`: only there.
        """
        order = Order.of(chosen, oldest_first, after, until)
        async for page in self.places(chosen, order, slot):
            began = time.monotonic()
            for letter in await self.letters(page):
                if chosen.takes(letter):
                    yield letter
            if not chosen.indexed:
                await asyncio.sleep(max(0, began + len(page) / self._a_second - time.monotonic()))

    async def places(
        self,
        chosen: Filter,
        order: Order,
        slot: Slot | None = None,
    ) -> AsyncGenerator[list[Found], None]:
        """Where the letters are that the filter takes as far as indexes know; no letter is read."""
        slots = [slot] if slot else self.slots(chosen.destination)
        async for page in Choosing(self._redis, chosen, order).pages(slots):
            yield page

    async def count(self, chosen: Filter) -> int:
        """How many letters the filter takes: by counters where they can tell, else by the indexes, or by reading."""
        if not chosen.indexed:
            return len([None async for _ in self.find(chosen)])
        choosing = Choosing(self._redis, chosen, Order.of(chosen))
        return sum([await choosing.count(slot) for slot in self.slots(chosen.destination)])

    async def counts(self) -> dict[tuple[str, str, str], int]:
        """How many letters there are, by (destination, account, code)."""
        totals: dict[tuple[str, str, str], int] = {}
        pipeline, slots = self._redis.pipeline(transaction=False), self.slots(None)
        for slot in slots:
            pipeline.hgetall(slot.key("dead_counts"))
        for slot, fields in zip(slots, await pipeline.execute(), strict=True):
            for field, count in fields.items():
                code, account = codes_and_accounts(field)
                totals[slot.destination, account, code] = int(count)
        return totals

    def slots(self, destination: str | None) -> list[Slot]:
        """All that may hold letters of a destination, or of any."""
        names = [destination] if destination else [*DESTINATIONS, INTAKE]
        prefix, shards = self._buffer.key_prefix, self._buffer.shards
        return [Slot(prefix, name, shard) for name in names for shard in range(1 if name == INTAKE else shards)]

    async def read(self, slot: Slot, numbers: Sequence[str]) -> list[Letter]:
        """The letters of these numbers that are still there."""
        died = await self._redis.zmscore(slot.key("dead"), numbers) if numbers else []
        pairs = zip(numbers, died, strict=True)
        return await self.letters([Found(slot, number, int(at)) for number, at in pairs if at is not None])

    async def letters(self, page: Iterable[Found]) -> list[Letter]:
        """Those that are still there, in their order."""
        page = list(page)
        pipeline = self._redis.pipeline(transaction=False)
        for slot, number, _ in page:
            pipeline.hgetall(slot.key("letter", number))
        answers: list[Mapping[bytes, bytes]] = await pipeline.execute()
        pairs = zip(page, answers, strict=True)
        return [Letter.read(slot, number, at, fields) for (slot, number, at), fields in pairs if fields]
