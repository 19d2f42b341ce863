"""Takes letters out of their queue for good: one script call for a hundred."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from typing import Literal

from redis.asyncio import Redis

from producers.keys import Slot
from worker.buffer.calls import Call, run_one
from worker.dead_letters.filter import Place, chunks

Counted = Literal["discarded", "delivered"]


async def discard(redis: Redis, places: Iterable[Place], moved: Callable[[int], object]) -> int:
    """Gives letters up. Gives how many there still were."""
    total = 0
    for slot, numbers in chunks(places):
        done = await take_out(redis, slot, numbers)
        total += done
        moved(done)
    return total


async def discard_chunks(
    redis: Redis, chunks_of_slots: AsyncIterator[tuple[Slot, list[str]]], moved: Callable[[int], object]
) -> int:
    """The same of letters that are found while others go already."""
    total = 0
    async for slot, numbers in chunks_of_slots:
        done = await take_out(redis, slot, numbers)
        total += done
        moved(done)
    return total


async def take_out(redis: Redis, slot: Slot, numbers: Sequence[str], counted: Counted = "discarded") -> int:
    """The letters of these numbers leave; the ledger counts them as told. Gives how many there still were."""
    return int(await run_one(redis, Call("discard", slot.fixed, [counted, *numbers]))) if numbers else 0
