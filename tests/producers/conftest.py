"""Fixtures of the producer's tests: a slot to look into, and a producer on the same Redis."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from weakref import WeakValueDictionary

import pytest
from redis.asyncio import Redis

from producers import Producer
from producers.connection import shared_pools
from producers.destinations import DESTINATIONS
from producers.keys import Slot
from producers.settings import BatchSettings, BufferSettings
from tests.buffer.support import World
from worker.stack.redis_server import EmbeddedRedis

CAPS = BatchSettings(max_events=100, max_bytes=1_000_000)


@pytest.fixture(autouse=True)
def _own_pools(monkeypatch: pytest.MonkeyPatch) -> None:
    """Connections that an earlier test left open are no help here."""
    monkeypatch.setattr(shared_pools, "_pools", WeakValueDictionary())


@pytest.fixture
def world(redis: Redis, prefix: str) -> World:
    return World(redis, Slot(prefix, "event-api", 0))


@pytest.fixture
def producer(redis_server: EmbeddedRedis, prefix: str) -> Iterator[Producer]:
    made = new_producer(redis_server, prefix)
    yield made
    made.close()


def new_producer(server: EmbeddedRedis, prefix: str, **options: Any) -> Producer:
    return Producer(
        BufferSettings(server.url, prefix, enqueue_budget_ms=5_000), dict.fromkeys(DESTINATIONS, CAPS), **options
    )
