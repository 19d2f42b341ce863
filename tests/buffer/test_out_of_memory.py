"""When Redis has no memory left: new events are refused first, and everything that makes room still works."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from redis.exceptions import OutOfMemoryError

from producers.destinations import DESTINATIONS
from producers.errors import EnqueueFailed
from producers.keys import Slot
from producers.producer import Producer
from producers.settings import BatchSettings, BufferSettings
from tests.buffer.replaying import die
from tests.buffer.support import World, event, settlement, whole
from tests.support.letters import made
from worker.buffer.batches import Room
from worker.cli.ending import in_one_line
from worker.connection.client import async_redis
from worker.dead_letters import DeadLetters, Filter
from worker.dead_letters.importing import NoRoom
from worker.replay import Replays
from worker.replay.runner import Runner
from worker.stack.redis_server import EmbeddedRedis

CAPS = BatchSettings(max_events=100, max_bytes=1_000_000, linger_ms=0)
EVENT = {"eventType": "conversion"}


@pytest.fixture
def small_redis(tmp_path: Path) -> Iterator[EmbeddedRedis]:
    with EmbeddedRedis(tmp_path / "small", appendfsync="no") as server:
        yield server


@pytest.fixture
async def full(small_redis: EmbeddedRedis, slot: Slot) -> AsyncIterator[World]:
    """A slot with six batches of five events, in a Redis that has no byte to spare and has forgotten its scripts."""
    client = async_redis(small_redis.url)
    world = World(client, slot, linger_ms=0)
    for account in "abcdef":
        await world.append(*(event(f"{account}{number}", account) for number in range(5)))
    await client.config_set("maxmemory", 1)
    await client.script_flush()
    yield world
    await client.aclose()


def test_an_event_is_refused_in_words_and_surely_not_accepted(full: World, small_redis: EmbeddedRedis) -> None:
    producer = Producer(
        BufferSettings(small_redis.url, full.slot.namespace, enqueue_budget_ms=5_000), dict.fromkeys(DESTINATIONS, CAPS)
    )
    with pytest.raises(EnqueueFailed, match="out of memory") as caught:
        producer.enqueue("event-api", account="a", event=EVENT, id="mine")
    assert (caught.value.id, caught.value.maybe_accepted) == ("mine", False)
    line = {"destination": "event-api", "account": "a", "event": EVENT}
    errors = [result.error for result in producer.enqueue_many([line, line])]
    assert all(isinstance(error, EnqueueFailed) and not error.maybe_accepted for error in errors)
    producer.close()


async def test_letters_come_back_once_there_is_room_for_them(full: World) -> None:
    """Out of memory, or with less of it free than producers leave."""
    buffer = BufferSettings(key_prefix=full.slot.namespace)
    letters = DeadLetters(full.redis, buffer, lambda _: CAPS)
    for room, told in ((0.5, "out of memory"), (1.1, "percent of the maxmemory")):
        used = (await full.redis.info("memory"))["used_memory"]
        await full.redis.config_set("maxmemory", int(room * used))
        importing = letters.importing()
        await importing.add(made(buffer, 1))
        with pytest.raises(NoRoom, match=told):
            await importing.finish()
        assert (await full.picture()).ledger["dead"] == 0
    await full.redis.config_set("maxmemory", 0)
    await importing.add(made(buffer, 1))
    await importing.finish()
    assert importing.imported == (await full.picture()).ledger["dead"] == 1


async def test_everything_that_makes_room_still_works(full: World) -> None:
    """Claim, every kind of settle, hold, replay and discard."""
    letters = DeadLetters(full.redis, BufferSettings(key_prefix=full.slot.namespace), lambda _: CAPS)
    await full.hold("f", 60_000, "limited")
    a, b, c, d, e = (await full.claim()).batches
    await full.deliver(a)
    await full.settle(b, whole(b, refund=True))
    await full.settle(c, settlement(c, await full.read(c), "daxbb"))
    await full.kill(d)
    assert await letters.discard((await letters.choose(Filter()))[:3]) == 3
    assert (await letters.replay(await letters.choose(Filter()))).moved == 3
    await full.hold("f", 0)
    full.later(60_000)
    await full.drain()
    assert not await full.deliver(e), "its lease was over and another delivered it"
    ledger = (await full.picture()).ledger
    assert (ledger["accepted"], ledger["delivered"], ledger["discarded"], ledger["dead"]) == (30, 27, 3, 0)


async def test_a_replay_begins_runs_and_ends(full: World) -> None:
    """Of letters that are there already: it makes room."""
    await full.redis.config_set("maxmemory", 0)
    await full.drain()
    await die(full, 5)
    await full.redis.config_set("maxmemory", 1)
    await full.redis.script_flush()
    buffer = BufferSettings(key_prefix=full.slot.namespace)
    replays = Replays(full.redis, buffer)
    replay = await replays.start(Filter(), by="a test")
    assert replay
    await Runner(full.redis, buffer, full.slot, CAPS, Room()).run(20, until_idle=True)
    progress = await replays.progress(replay)
    assert progress
    assert (progress.state, progress.moved, [each.id for each in await replays.all()]) == ("done", 5, [replay])


def test_a_full_redis_is_told_as_what_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    def command() -> None:
        raise OutOfMemoryError("command not allowed when used memory > 'maxmemory'.")

    with pytest.raises(SystemExit):
        in_one_line(command)
    assert "Redis is out of memory" in capsys.readouterr().err


async def test_events_are_accepted_again_once_there_is_room(full: World, small_redis: EmbeddedRedis) -> None:
    producer = Producer(
        BufferSettings(small_redis.url, full.slot.namespace, enqueue_budget_ms=5_000), dict.fromkeys(DESTINATIONS, CAPS)
    )
    with pytest.raises(EnqueueFailed):
        producer.enqueue("event-api", account="a", event=EVENT)
    await full.redis.config_set("maxmemory", 0)
    producer.enqueue("event-api", account="a", event=EVENT)
    producer.close()
    assert (await full.picture()).ledger["accepted"] == 31
