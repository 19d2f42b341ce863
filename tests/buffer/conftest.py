"""A slot of its own for each test."""

from __future__ import annotations

import pytest
from redis.asyncio import Redis

from producers.keys import Slot
from producers.settings import BufferSettings
from tests.buffer.support import World
from worker.replay import Replays


@pytest.fixture
def slot(prefix: str) -> Slot:
    return Slot(prefix, "event-api", 0)


@pytest.fixture
def world(redis: Redis, slot: Slot) -> World:
    return World(redis, slot)


@pytest.fixture
def buffer(world: World) -> BufferSettings:
    return BufferSettings(key_prefix=world.slot.namespace)


@pytest.fixture
def replays(world: World, buffer: BufferSettings) -> Replays:
    return Replays(world.redis, buffer, rate=100_000)
