"""The state of the queues, for people and scripts: the ledger, the age of the oldest event, the holds, the circuit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from redis.asyncio import Redis

from producers.destinations import DESTINATIONS
from producers.keys import Slot
from producers.settings import BufferSettings
from worker.buffer.holds import HOLD_FIELDS, Hold, Holds, holds_in

STATES = ("accepted", "open", "ready", "waiting", "in_flight", "delivered", "dead", "discarded")
MOVING = ("open", "ready", "waiting", "in_flight")
HOLDS_SHOWN = 100  # of a slot; what lasts longest comes first
CIRCUITS = ("closed", "half-open", "open")  # from good to bad


async def status(redis: Redis, buffer: BufferSettings) -> dict[str, dict[str, Any]]:
    """For each destination the counts of the ledger, `oldest_age_s`, `parked`, `circuit` and `holds`.

    A destination's counts are of one instant for each of its shards. `parked` is a view of what is open, ready and
    waiting. A hold is `{"account", "kind", "reason", "ends_in_s"}`: the kind is limited, parked or paused, `account` is
    None for a pause of the destination, `ends_in_s` None for what lasts until it is resumed.
    """
    return {name: await _destination(redis, buffer, name) for name in DESTINATIONS}


def left(counts: Mapping[str, Any]) -> int:
    """How many events of a destination are not settled for good."""
    return sum(counts[state] for state in MOVING)


async def unsettled(redis: Redis, buffer: BufferSettings) -> int:
    """How many events of all destinations are not settled for good. One command a slot, however much is held."""
    pipeline = redis.pipeline(transaction=False)
    for name in DESTINATIONS:
        for shard in range(buffer.shards):
            pipeline.hmget(Slot(buffer.key_prefix, name, shard).key("ledger"), *MOVING)
    return sum(int(count or 0) for counts in await pipeline.execute() for count in counts)


async def _destination(redis: Redis, buffer: BufferSettings, name: str) -> dict[str, Any]:
    shards = [await _slot(redis, Slot(buffer.key_prefix, name, shard)) for shard in range(buffer.shards)]
    counts: dict[str, Any] = {state: sum(shard[state] for shard in shards) for state in (*STATES, "parked")}
    ages = [shard["oldest_age_s"] for shard in shards if shard["oldest_age_s"] is not None]
    holds = [hold for shard in shards for hold in shard["holds"]]
    circuit = max((shard["circuit"] for shard in shards), key=CIRCUITS.index)
    return {**counts, "oldest_age_s": max(ages, default=None), "circuit": circuit, "holds": _once(holds)}


def _once(holds: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A pause of the destination stands in each of its shards."""
    paused = [hold for hold in holds if hold["account"] is None]
    return paused[:1] + [hold for hold in holds if hold["account"] is not None]


async def _slot(redis: Redis, slot: Slot) -> dict[str, Any]:
    pipeline = redis.pipeline(transaction=False)  # a MULTI is refused when memory is full
    pipeline.hgetall(slot.key("ledger"))
    pipeline.zrange(slot.key("ages"), 0, 0)
    pipeline.time()
    pipeline.hmget(slot.key("meta"), "paused", "circuit_until")
    pipeline.zrevrangebyscore(slot.key("held"), "+inf", "-inf", 0, HOLDS_SHOWN)
    ledger, oldest, (seconds, microseconds), (paused, circuit_until), held = await pipeline.execute()
    now = seconds * 1000 + microseconds // 1000
    counts = {state: int(ledger.get(state.encode(), 0)) for state in STATES}
    age = max(0, seconds - int(oldest[0])) if oldest else None
    holds = [hold for account in held for hold in await _holds(redis, slot, account.decode(), now)]
    if paused is not None:
        holds.insert(0, _shown(None, Hold("paused", paused.decode("utf-8", "replace")), now))
    parked = sum([account.queued async for account in Holds(redis, slot).lasting() if account.parked is not None])
    circuit = "closed" if circuit_until is None else "open" if int(circuit_until) > now else "half-open"
    return {**counts, "parked": parked, "oldest_age_s": age, "circuit": circuit, "holds": holds}


async def _holds(redis: Redis, slot: Slot, account: str, now: int) -> list[dict[str, Any]]:
    fields: Any = redis.hmget(slot.key("account", account), *HOLD_FIELDS)
    return [_shown(account, hold, now) for hold in holds_in(await fields, now)]


def _shown(account: str | None, hold: Hold, now: int) -> dict[str, Any]:
    return {"account": account, "kind": hold.kind, "reason": hold.reason, "ends_in_s": hold.ends_in_s(now)}
