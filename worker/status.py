"""The state of the queues, for people and scripts: the ledger, the age of the oldest event, the holds."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from redis.asyncio import Redis

from producers.destinations import DESTINATIONS
from producers.keys import Slot
from producers.settings import BufferSettings

STATES = ("accepted", "open", "ready", "waiting", "in_flight", "delivered", "dead", "discarded")
MOVING = ("open", "ready", "waiting", "in_flight")
HOLDS_SHOWN = 100


async def status(redis: Redis, buffer: BufferSettings) -> dict[str, dict[str, Any]]:
    """For each destination the counts of the ledger, `oldest_age_s`, `parked`, `circuit` and `holds`.

    A destination's counts are of one instant for each of its shards.
    """
    return {name: await _destination(redis, buffer, name) for name in DESTINATIONS}


def left(counts: Mapping[str, Any]) -> int:
    """How many events of a destination are not settled for good."""
    return sum(counts[state] for state in MOVING)


async def _destination(redis: Redis, buffer: BufferSettings, name: str) -> dict[str, Any]:
    shards = [await _slot(redis, Slot(buffer.key_prefix, name, shard)) for shard in range(buffer.shards)]
    counts: dict[str, Any] = {state: sum(shard[state] for shard in shards) for state in STATES}
    ages = [shard["oldest_age_s"] for shard in shards if shard["oldest_age_s"] is not None]
    holds = [hold for shard in shards for hold in shard["holds"]]
    return {**counts, "parked": 0, "oldest_age_s": max(ages, default=None), "circuit": None, "holds": holds}


async def _slot(redis: Redis, slot: Slot) -> dict[str, Any]:
    pipeline = redis.pipeline(transaction=False)  # a MULTI is refused when memory is full
    pipeline.hgetall(slot.key("ledger"))
    pipeline.zrange(slot.key("ages"), 0, 0)
    pipeline.time()
    pipeline.zrangebyscore(slot.key("held"), int(time.time() * 1000), "+inf", 0, HOLDS_SHOWN, withscores=True)
    ledger, oldest, (seconds, _), held = await pipeline.execute()
    counts = {state: int(ledger.get(state.encode(), 0)) for state in STATES}
    age = max(0, seconds - int(oldest[0])) if oldest else None
    holds = [await _hold(redis, slot, account.decode(), end / 1000 - seconds) for account, end in held]
    return {**counts, "oldest_age_s": age, "holds": [hold for hold in holds if hold["ends_in_s"] > 0]}


async def _hold(redis: Redis, slot: Slot, account: str, ends_in_s: float) -> dict[str, Any]:
    reason: Any = await redis.hget(slot.key("account", account), "hold_reason")
    return {"account": account, "reason": (reason or b"").decode(), "ends_in_s": round(ends_in_s, 1)}
