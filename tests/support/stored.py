"""The events that wait in Redis, decoded as Rokt would get them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from redis import Redis

from producers.destinations import DESTINATIONS, Destination, Whole
from producers.keys import Slot
from producers.stored_event import decode
from producers.testing import Recorded
from worker.connection.client import sync_redis


def stored(url: str, prefix: str, destination: str, account: str | None = None) -> list[Recorded]:
    """Batch by batch in the order in which they were opened; of one account, or of all."""
    redis = sync_redis(url)
    try:
        found = list(_stored(redis, Slot(prefix, destination, 0), DESTINATIONS[destination]))
    finally:
        redis.close()
    return [each for each in found if account in (None, each.account)]


def withheld(url: str, prefix: str, destination: str) -> int:
    """How many events were counted and not stored."""
    redis = sync_redis(url)
    try:
        return int(redis.hget(Slot(prefix, destination, 0).key("ledger"), "discarded") or 0)
    finally:
        redis.close()


def _stored(redis: Redis, slot: Slot, to: Destination) -> Iterator[Recorded]:
    names: Any = redis.keys(slot.key("batch", "*"))
    ids = [name.decode().rpartition(":")[2] for name in names]
    for batch in sorted(ids, key=lambda each: int(each.partition("-")[0])):
        fields: Any = redis.hgetall(slot.key("batch", batch))
        account, order, kind = (fields.get(name, b"").decode() for name in (b"account", b"order", b"kind"))
        events: Any = redis.lrange(slot.key("events", batch), 0, -1)
        for each in map(decode, events):
            event = to.event_of(each.payload, Whole(account, order, kind))
            yield Recorded(to.name, account, event, to.event_id(each))
