"""The bounds of what may wait: refused in words, before Redis itself has no room for anybody."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from redis.exceptions import ResponseError

from producers.keys import Slot
from tests.buffer.support import World, event, events
from worker.connection.client import async_redis
from worker.stack.redis_server import EmbeddedRedis


async def test_no_more_events_wait_than_may(world: World) -> None:
    world.full, world.linger_ms = {"max_buffered_events": 10}, 0
    await world.append(*events(10))
    with pytest.raises(ResponseError, match="FULL 10 events wait already"):
        await world.append(event("one more"))
    await world.deliver(await world.claim_one())
    await world.append(event("one more"))


async def test_events_in_flight_wait_too(world: World) -> None:
    world.full = {"max_buffered_events": 1}
    await world.append(event("1"))
    await world.claim()
    with pytest.raises(ResponseError, match="FULL"):
        await world.append(event("2"))


async def test_no_more_bytes_wait_than_may(world: World) -> None:
    world.full, world.linger_ms = {"max_buffered_bytes": 100}, 0
    await world.append(*events(3, size=40))
    with pytest.raises(ResponseError, match="FULL 120 bytes"):
        await world.append(event("one more"))
    await world.kill(await world.claim_one())
    await world.append(event("one more"))
    (number, *_) = (await world.picture()).letters
    await world.replay([number])
    await world.append(event("two more"))
    with pytest.raises(ResponseError, match="FULL 120 bytes"):
        await world.append(event("three more"))


async def endless(world: World) -> None:
    for number in range(2_000):
        await world.append(*[event(f"{number}-{one}", f"a{one}", size=2_000) for one in range(10)])


@pytest.fixture
async def small(tmp_path: Path, slot: Slot) -> AsyncIterator[tuple[World, Any]]:
    """A world in a Redis of its own, which may take 24 MB."""
    with EmbeddedRedis(tmp_path / "redis") as server:
        redis: Any = async_redis(server.url)
        await redis.config_set("maxmemory", 24_000_000)
        world = World(redis, slot)
        world.checked = False
        yield world, redis
        await redis.aclose()


async def test_redis_keeps_room_for_the_broker_and_for_what_drains_it(small: tuple[World, Any]) -> None:
    """Appends end at 80 percent of maxmemory; others can still write, and the buffer can be emptied."""
    world, redis = small
    with pytest.raises(ResponseError, match=r"FULL 8\d percent of the maxmemory of Redis are in use"):
        await endless(world)
    about = await redis.info("memory")
    assert 0.79 < about["used_memory"] / about["maxmemory"] < 0.85
    await redis.lpush("somebody else's", b"x" * 1_000_000)
    world.later(10_000)
    accepted = (await redis.hgetall(world.slot.key("ledger")))[b"accepted"]
    delivered = sum(map(len, await world.drain()))
    assert delivered == int(accepted)
    await world.append(event("after"))
