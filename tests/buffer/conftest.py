"""A slot of its own for each test."""

from __future__ import annotations

import pytest
from redis.asyncio import Redis

from producers.keys import Slot
from tests.buffer.support import World


@pytest.fixture
def slot(prefix: str) -> Slot:
    return Slot(prefix, "event-api", 0)


@pytest.fixture
def world(redis: Redis, slot: Slot) -> World:
    return World(redis, slot)
