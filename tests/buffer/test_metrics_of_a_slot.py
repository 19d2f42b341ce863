"""What is told of one slot: how many batches expire soon, how long deliveries took, points for the charts."""

from __future__ import annotations

from typing import Any

import pytest

from producers.keys import Slot
from producers.settings import BufferSettings
from tests.buffer.support import World, event, events
from worker.buffer.batches import Noted, Settlement, Verdict
from worker.connection.client import sync_redis
from worker.metrics.exposition import metrics_text
from worker.metrics.reading import Reading, ask, understood
from worker.metrics.samples import Sampler, key, series

HOUR_MS = 3_600_000


@pytest.fixture
def world(redis: Any, prefix: str) -> World:
    return World(redis, Slot(prefix, "server-events", 0), linger_ms=0)


async def reading(world: World) -> Reading:
    pipeline = world.redis.pipeline(transaction=False)
    ask(pipeline, world.slot, world.now)
    return understood(await pipeline.execute())


async def test_batches_whose_oldest_event_expires_within_twelve_hours_are_counted(world: World) -> None:
    """By the time of the event, not by when it came; delivered or already refused, it counts no more."""
    ages = {"fresh": 1, "nearly": 59, "soon": 61, "late": 71, "gone": 73}
    for name, hours in ages.items():
        await world.append(event(name, account=name, time=world.now - hours * HOUR_MS))
    await world.append(event("older", account="fresh", time=world.now - 62 * HOUR_MS))
    assert (await reading(world)).expiring == 3
    for batch in (await world.claim()).batches:
        await world.deliver(batch)
    assert (await reading(world)).expiring == 0


async def test_dead_letters_expire_by_the_time_of_their_event(world: World) -> None:
    times = {"1": 1, "2": 61, "3": 73}
    for number, hours in times.items():
        await world.redis.zadd(world.slot.key("dead_expires"), {number: world.now - hours * HOUR_MS})
    found = await reading(world)
    assert (found.expiring_letters, found.expired_letters) == (1, 1)


async def test_a_code_beyond_a_hundred_is_told_as_other(world: World) -> None:
    """A stranger may answer with any code; a metric may not have any number of labels."""
    world.checked = False
    for number in range(103):
        await world.append(event(f"{number}"))
        await world.kill(await world.claim_one(), f"code-{number}")
    stats = (await world.picture()).stats
    assert stats["died:other"] == 3
    assert sum(count for field, count in stats.items() if field.startswith("died:")) == 103


async def test_deliveries_and_requests_fall_into_their_buckets(world: World) -> None:
    await world.append(*events(3))
    world.later(1_700)
    batch = await world.claim_one()
    await world.settle(batch, Settlement(3, verdict=Verdict.TAKEN, noted=Noted(b"", 200, 40, 3, 250)))
    text = await metrics_text(world.redis, BufferSettings(key_prefix=world.slot.namespace))
    of = 'destination="server-events"'
    assert f'forwarder_event_delivery_seconds_bucket{{{of},le="1.5"}} 0.0' in text
    assert f'forwarder_event_delivery_seconds_bucket{{{of},le="2"}} 3.0' in text
    assert f"forwarder_event_delivery_seconds_sum{{{of}}} 5.1" in text
    assert f'forwarder_request_duration_seconds_bucket{{{of},le="0.05"}} 1.0' in text
    assert f'forwarder_request_events_bucket{{{of},le="5"}} 1.0' in text
    assert f"forwarder_rate_wait_seconds_total{{{of}}} 0.25" in text


async def test_the_charts_get_rates_between_two_samples(world: World, redis_server: Any) -> None:
    buffer = BufferSettings(redis_url=redis_server.url, key_prefix=world.slot.namespace)
    redis = sync_redis(redis_server.url)
    await _sampled(world, Sampler(redis, buffer))
    await world.append(*events(30))
    batch = await world.claim_one()
    await world.settle(batch, Settlement(30, verdict=Verdict.TAKEN, noted=Noted(b"", 500, 40, 30)))
    await _sampled(world, Sampler(redis, buffer))
    redis.close()
    (before, old), (at, new) = await world.redis.xrange(key(buffer.key_prefix))
    await world.redis.delete(key(buffer.key_prefix))
    end = round(int((await world.redis.time())[0]) * 1_000)
    for when, fields in ((end - 30_000, old), (end - 15_000, new)):  # as if fifteen seconds had passed between them
        await world.redis.xadd(key(buffer.key_prefix), fields, id=f"{when}-0")
    (point,) = (await series(world.redis, buffer, end - 60_000, 15_000))["server-events"]
    assert (point.accepted, point.delivered, point.requests, point.failed) == (2.0, 2.0, 1 / 15, 1 / 15)
    assert (point.p50_s, point.p95_s, point.waiting, point.dead) == (0.05, 0.05, 0, 0)
    assert before < at


async def test_of_all_workers_one_takes_a_sample(world: World, redis_server: Any) -> None:
    buffer = BufferSettings(redis_url=redis_server.url, key_prefix=world.slot.namespace)
    redis = sync_redis(redis_server.url)
    for _ in range(3):
        Sampler(redis, buffer).look()
    redis.close()
    assert await world.redis.xlen(key(buffer.key_prefix)) == 1


async def _sampled(world: World, sampler: Sampler) -> None:
    await world.redis.delete(f"{world.slot.namespace}:sampled")
    sampler.look()
