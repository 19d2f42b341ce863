"""Many accounts that have nothing to claim: held ones with events behind the hold, and idle ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from tests.buffer.support import HOLD, World, evaluate, event

CHUNK = 1_000
HOLD_MS = 3_600_000


def _chunks(name: str, count: int) -> Iterator[list[str]]:
    for start in range(0, count, CHUNK):
        yield [f"{name}-{number}" for number in range(start, min(start + CHUNK, count))]


async def add_held(world: World, count: int) -> None:
    """Accounts with a due event each, all held."""
    for accounts in _chunks("held", count):
        await evaluate(world.redis, world.append_call([event("e", account) for account in accounts]))
        pipeline, fixed = world.redis.pipeline(transaction=False), world.slot.fixed
        for account in accounts:
            pipeline.eval(HOLD.text, len(fixed), *fixed, world.now, account, "limited", HOLD_MS, "too many")
        await pipeline.execute()


async def add_idle(world: World, count: int) -> None:
    """Accounts that were there once: all that is left of them is their hash."""
    for accounts in _chunks("idle", count):
        pipeline = world.redis.pipeline(transaction=False)
        for account in accounts:
            pipeline.hset(world.slot.key("account", account), "queued", 0)
        await pipeline.execute()


async def commands(redis: Any) -> Counter[str]:
    """How often the server has run each command so far, those within scripts included."""
    stats = await redis.info("commandstats")
    return Counter({name.removeprefix("cmdstat_"): entry["calls"] for name, entry in stats.items()})
