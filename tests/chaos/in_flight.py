"""Which events are in flight: read from the layout itself, since the ledger only counts them."""

from __future__ import annotations

from typing import Any

from redis import Redis

from producers.keys import Slot
from producers.stored_event import payload_of
from tests.chaos.events import ACCOUNTS, id_in


def in_flight(redis: Redis, prefix: str) -> frozenset[str]:
    """The ids of the events in all batches that are under a lease, of every destination (one shard each)."""
    return frozenset(
        id_in(destination, payload_of(stored))
        for destination in ACCOUNTS
        for stored in _stored(redis, Slot(prefix, destination, 0), ACCOUNTS[destination])
    )


def _stored(redis: Any, slot: Slot, accounts: tuple[str, ...]) -> list[bytes]:
    """A batch that is settled meanwhile is left out: its worker lives."""
    leases = _asked(redis, [("ZRANGE", slot.key("leases", account), 0, -1) for account in accounts])
    batches = [batch.decode() for ids in leases for batch in ids]
    fields = [("HMGET", slot.key("batch", batch), "events", "list", "first", "last") for batch in batches]
    ranges = []
    for batch, (events, source, first, last) in zip(batches, _asked(redis, fields), strict=True):
        if events is not None:
            key = slot.key("events", source.decode() if source else batch)
            ranges.append(("LRANGE", key, int(first or 0), int(last if last is not None else int(events) - 1)))
    return [stored for events in _asked(redis, ranges) for stored in events]


def _asked(redis: Any, commands: list[tuple[Any, ...]]) -> list[Any]:
    pipeline = redis.pipeline(transaction=False)
    for command in commands:
        pipeline.execute_command(*command)
    return list(pipeline.execute())
