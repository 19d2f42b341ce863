"""Finds dead letters by the indexes of their queues, a page at a time."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

from redis.asyncio import Redis

from producers.destinations import DESTINATIONS
from producers.keys import Slot
from producers.settings import BufferSettings
from worker.dead_letters.filter import Filter
from worker.dead_letters.letter import Letter
from worker.intake.letters import NAME as INTAKE

PAGE = 500


class Finder:
    """Looks through all dead-letter queues of one buffer, and changes nothing."""

    def __init__(self, redis: Redis, buffer: BufferSettings) -> None:
        self._redis: Any = redis  # its stubs know neither bytes nor awaitables apart
        self._buffer = buffer

    async def find(self, chosen: Filter, *, oldest_first: bool = False) -> AsyncIterator[Letter]:
        """The letters that the filter takes, newest first unless told; read a page at a time."""
        for slot in self._slots(chosen.destination):
            pages = self._by_ids(slot, chosen.ids) if chosen.ids else self._by_time(slot, oldest_first)
            async for page in pages:
                for letter in await self.read(slot, page):
                    if chosen.takes(letter):
                        yield letter

    async def counts(self) -> dict[tuple[str, str, str], int]:
        """How many letters there are, by (destination, account, code)."""
        totals: dict[tuple[str, str, str], int] = {}
        for slot in self._slots(None):
            for field, count in (await self._redis.hgetall(slot.key("dead_counts"))).items():
                code, account = _split(field)
                totals[slot.destination, account, code] = int(count)
        return totals

    def _slots(self, destination: str | None) -> list[Slot]:
        names = [destination] if destination else [*DESTINATIONS, INTAKE]
        prefix, shards = self._buffer.key_prefix, self._buffer.shards
        return [Slot(prefix, name, shard) for name in names for shard in range(1 if name == INTAKE else shards)]

    async def _by_time(self, slot: Slot, oldest_first: bool) -> AsyncIterator[list[str]]:
        start, key = 0, slot.key("dead")
        while page := await self._redis.zrange(key, start, start + PAGE - 1, desc=not oldest_first):
            yield [number.decode() for number in page]
            start += PAGE

    async def _by_ids(self, slot: Slot, ids: Sequence[str]) -> AsyncIterator[list[str]]:
        for event_id in ids:
            start = event_id.encode() + b"\0"
            found = await self._redis.zrangebylex(slot.key("dead_ids"), b"[" + start, b"(" + event_id.encode() + b"\1")
            members = [member.rpartition(b"\0") for member in found]
            yield [number.decode() for owner, _, number in members if owner == event_id.encode()]

    async def read(self, slot: Slot, numbers: Sequence[str]) -> list[Letter]:
        """The letters of these numbers that are still there."""
        pipeline = self._redis.pipeline(transaction=False)
        for number in numbers:
            pipeline.zscore(slot.key("dead"), number)
            pipeline.hgetall(slot.key("letter", number))
        answers = await pipeline.execute()
        pairs = zip(numbers, answers[::2], answers[1::2], strict=True)
        return [Letter.read(slot, number, died, fields) for number, died, fields in pairs if fields and died]


def _split(field: bytes) -> tuple[str, str]:
    """Code and account of a count: `<length of the code>:<code><account>`, in bytes."""
    length, _, both = field.partition(b":")
    return both[: int(length)].decode(), both[int(length) :].decode()
