"""Calls that a loop writes and reads itself: who waits for whom, and what is told when Redis fails."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import threading
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path
from typing import Any

import pytest

from producers import EnqueueFailed, Fate, Producer
from producers.appender import RedisAppender
from producers.asynchronous import AsyncProducer
from producers.destinations import DESTINATIONS
from producers.gathering import FEW_EVENTS
from producers.settings import BufferSettings, SpoolSettings
from tests.buffer.support import World
from tests.buffer.test_producer import conversion, cost_of, stored_ids
from tests.integration.support import eventually
from tests.producers.conftest import CAPS, new_producer
from tests.producers.support import BOUND_S, BUDGET_S, accepted, clients, frozen, shop, warm_shop
from tests.producers.test_several_slots import SIGNAL
from worker.connection.client import sync_redis
from worker.stack.redis_server import EmbeddedRedis

THREAD = "forwarder-producer"


@asynccontextmanager
async def warm(producer: Producer) -> AsyncIterator[AsyncProducer]:
    """One that has a connection and has agreed on terms."""
    async with AsyncProducer(producer) as made:
        await until_accepted(made)
        yield made


async def until_accepted(made: AsyncProducer) -> None:
    for _ in range(200):
        with suppress(EnqueueFailed):
            await made.enqueue("event-api", account="1", event=conversion())
            return
    raise AssertionError("it takes no event")


def session(number: int = 0) -> dict[str, Any]:
    return {**SIGNAL, "sessionId": "s", "parentGuid": str(number)}


def failures(results: Sequence[Any]) -> list[bool]:
    assert all(isinstance(each, EnqueueFailed) for each in results), results
    return [each.maybe_accepted for each in results]


async def test_a_connection_that_is_idle_needs_no_thread(redis_server: EmbeddedRedis, prefix: str) -> None:
    with closing(new_producer(redis_server, prefix)) as ready:
        ready.enqueue("event-api", account="1", event=conversion())
        before = set(threading.enumerate())
        async with AsyncProducer(ready) as made:
            for number in range(20):
                await made.enqueue("event-api", account="1", event=conversion(), id=str(number))
            assert not [each for each in set(threading.enumerate()) - before if each.name.startswith(THREAD)]


async def test_the_connection_goes_back_when_nothing_is_left_to_say(own_redis: EmbeddedRedis, prefix: str) -> None:
    """To whoever asks: the other way of the same producer takes it."""
    with closing(new_producer(own_redis, prefix)) as producer:
        async with warm(producer) as made:
            for _ in range(5):
                await made.enqueue("event-api", account="1", event=conversion())
                await asyncio.sleep(0)
                producer.enqueue("event-api", account="1", event=conversion())
            assert clients(own_redis) == 1


@pytest.mark.parametrize("beside", [FEW_EVENTS, FEW_EVENTS - 1])
async def test_of_each_slot_one_call_is_under_way(own_redis: EmbeddedRedis, prefix: str, beside: int) -> None:
    """The next of the same slot waits, and surely was not accepted; so does what is not worth a write of its own."""
    with closing(shop(own_redis.url, prefix, 1)) as producer:  # time enough for all to be said before the first is late
        async with warm(producer) as made:
            with frozen(own_redis):
                first = asyncio.create_task(made.enqueue("event-api", account="1", event=conversion()))
                for _ in range(3):
                    await asyncio.sleep(0)
                others = [made.enqueue("server-events", account="1", event=session()) for _ in range(beside)]
                same = [made.enqueue("event-api", account="1", event=conversion()) for _ in range(FEW_EVENTS)]
                began = time.monotonic()
                told = await asyncio.gather(first, *others, *same, return_exceptions=True)
                assert time.monotonic() - began < 1 + BOUND_S
            left = beside == FEW_EVENTS
            assert failures(told) == [True] + [left] * beside + [False] * FEW_EVENTS
            await until_accepted(made)


async def test_a_redis_that_freezes_costs_one_budget_and_holds_up_no_loop(
    own_redis: EmbeddedRedis, prefix: str
) -> None:
    with closing(shop(own_redis.url, prefix)) as producer:
        async with warm(producer) as made:
            before, turns = accepted(own_redis, prefix), 0
            with frozen(own_redis):
                began = time.monotonic()
                call = asyncio.create_task(made.enqueue("event-api", account="1", event=conversion()))
                while not call.done():
                    await asyncio.sleep(0)
                    turns += 1
                assert BUDGET_S / 2 < time.monotonic() - began < BOUND_S
                assert failures([call.exception()]) == [True]
            assert turns > 50
            eventually(lambda: accepted(own_redis, prefix) == before + 1)


async def test_a_redis_that_dies_under_a_call_is_told_at_once(own_redis: EmbeddedRedis, prefix: str) -> None:
    with closing(new_producer(own_redis, prefix)) as producer:
        async with warm(producer) as made:
            os.kill(own_redis.pid, signal.SIGSTOP)
            call = asyncio.create_task(made.enqueue("event-api", account="1", event=conversion()))
            for _ in range(3):
                await asyncio.sleep(0)
            own_redis.kill()
            (told,) = await asyncio.gather(call, return_exceptions=True)
            assert failures([told]) == [True]
            assert "within" not in str(told)


def large(number: int) -> dict[str, Any]:
    """Of 650 kB."""
    return {"eventType": "conversion", "objectData": [{"name": f"n{number}", "value": "x" * 65_000}] * 10}


def narrow(producer: Producer) -> None:
    """Its connection takes little at a time."""
    appender = producer.appender
    assert isinstance(appender, RedisAppender)
    way = appender.under_way()
    assert way is not None
    with socket.socket(fileno=os.dup(way.fileno())) as wire:
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4_096)
    way.end()


async def test_what_finds_no_room_on_the_wire_waits_in_a_thread(
    redis_server: EmbeddedRedis, prefix: str, world: World
) -> None:
    with closing(new_producer(redis_server, prefix)) as producer:
        async with warm(producer) as made:
            narrow(producer)
            ids = [f"large{number}" for number in range(4)]
            calls = [
                made.enqueue("event-api", account="1", event=large(number), id=each) for number, each in enumerate(ids)
            ]
            assert await asyncio.gather(*calls) == ids
            assert (await stored_ids(world))[1:] == ids
            assert [each for each in threading.enumerate() if each.name.startswith(THREAD)]


async def test_what_a_frozen_redis_has_no_room_for_was_surely_not_accepted(
    own_redis: EmbeddedRedis, prefix: str
) -> None:
    with closing(shop(own_redis.url, prefix)) as producer:
        async with warm(producer) as made:
            narrow(producer)
            with frozen(own_redis):
                began = time.monotonic()
                told = await asyncio.gather(
                    made.enqueue("server-events", account="1", event=session()),
                    made.enqueue("event-api", account="1", event=large(0)),
                    return_exceptions=True,
                )
                assert time.monotonic() - began < BOUND_S
            assert failures(told) == [True, False]


async def test_calls_are_no_larger_together_than_one_may_be(
    redis_server: EmbeddedRedis, prefix: str, world: World
) -> None:
    """And what waits for room is overtaken by nobody for ever."""
    with closing(new_producer(redis_server, prefix)) as producer:
        async with warm(producer) as made:
            signals = [made.enqueue("server-events", account="1", event=session(number)) for number in range(600)]
            async with cost_of(world) as sent:
                await asyncio.gather(
                    *signals, *(made.enqueue("event-api", account="1", event=large(n)) for n in range(3))
                )
            assert sent["evalsha"] == 5  # 500 and 100 signals, three large ones


async def test_a_redis_that_forgot_the_script_is_taught(own_redis: EmbeddedRedis, prefix: str) -> None:
    redis = sync_redis(own_redis.url)
    with closing(redis), closing(new_producer(own_redis, prefix)) as producer:
        async with warm(producer) as made:
            redis.script_flush()
            events = (("event-api", conversion()), ("server-events", session()))
            ids = await asyncio.gather(*(made.enqueue(name, account="1", event=event) for name, event in events))
            assert [each.fate for each in ids] == [Fate.BUFFERED] * 2


def test_a_loop_that_ended_under_a_call_leaves_no_connection_behind(own_redis: EmbeddedRedis, prefix: str) -> None:
    with warm_shop(own_redis.url, prefix) as producer:
        made = AsyncProducer(producer)

        async def abandoned() -> None:
            call = asyncio.create_task(made.enqueue("event-api", account="1", event=conversion()))
            for _ in range(3):
                await asyncio.sleep(0)
            assert not call.done()

        with frozen(own_redis):
            asyncio.run(abandoned())
        asyncio.run(until_accepted(made))
        eventually(lambda: clients(own_redis) == 1)


async def test_a_spool_is_written_in_the_thread(own_redis: EmbeddedRedis, prefix: str, tmp_path: Path) -> None:
    spool = SpoolSettings(str(tmp_path / "spool"))
    buffer = BufferSettings(own_redis.url, prefix)
    with closing(Producer(buffer, dict.fromkeys(DESTINATIONS, CAPS), spool=spool)) as producer:
        async with warm(producer) as made:
            with frozen(own_redis):
                given = await asyncio.gather(
                    *(made.enqueue("event-api", account="1", event=conversion()) for _ in range(3))
                )
                assert [each.fate for each in given] == [Fate.SPOOLED] * 3


@pytest.mark.parametrize("loop_reads", [True, False])
async def test_a_loop_that_watches_no_sockets_calls_in_the_thread(
    redis_server: EmbeddedRedis, prefix: str, loop_reads: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cannot(*_: Any) -> None:
        raise NotImplementedError

    with closing(new_producer(redis_server, prefix)) as producer:
        async with warm(producer) as made:
            if not loop_reads:
                monkeypatch.setattr(asyncio.get_running_loop(), "add_reader", cannot)
            for number in range(3):
                assert await made.enqueue("event-api", account="1", event=conversion(), id=str(number)) == str(number)
        monkeypatch.undo()


async def test_callers_without_a_pause_leave_a_connection_to_a_redis_that_became_a_replica(
    own_redis: EmbeddedRedis, prefix: str
) -> None:
    """A failover may leave it open: only another connection leads to the new primary."""
    redis, buffer = sync_redis(own_redis.url), {"FORWARDER_SHARDS": "4", "FORWARDER_ENQUEUE_BUDGET_MS": "2000"}
    environ = {"FORWARDER_REDIS_URL": own_redis.url, "FORWARDER_KEY_PREFIX": prefix, **buffer}
    over = False

    async def speak(made: AsyncProducer, account: str, told: list[str]) -> None:
        while not over:
            try:
                await made.enqueue("event-api", account=account, event=conversion())
            except EnqueueFailed as error:
                told.append(error.reason)

    with closing(redis), closing(Producer.from_env(environ)) as producer:
        async with warm(producer) as made:
            before, told = connections(redis), list[str]()
            speakers = [asyncio.ensure_future(speak(made, f"{number}", told)) for number in range(64)]
            try:
                await asyncio.to_thread(redis.execute_command, "REPLICAOF", "127.0.0.1", "1")
                await asyncio.to_thread(eventually, lambda: told and not before & connections(redis))
            finally:
                over = True
                await asyncio.to_thread(redis.execute_command, "REPLICAOF", "NO", "ONE")
                await asyncio.gather(*speakers)
            assert "replica" in told[0]


def connections(redis: Any) -> set[str]:
    """Of producers: the ids that Redis gave them."""
    ours = str(redis.client_id())
    return {each["id"] for each in redis.client_list() if each["id"] != ours}


def test_it_is_closed_in_another_loop_than_that_of_calls_that_were_cut_off(
    own_redis: EmbeddedRedis, prefix: str
) -> None:
    made = AsyncProducer(new_producer(own_redis, prefix))

    async def cut_off() -> None:
        await until_accepted(made)
        os.kill(own_redis.pid, signal.SIGSTOP)
        calls = [asyncio.ensure_future(made.enqueue("event-api", account="1", event=conversion())) for _ in range(30)]
        for _ in range(3):
            await asyncio.sleep(0)
        assert not any(each.done() for each in calls)

    try:
        asyncio.run(cut_off())
    finally:
        os.kill(own_redis.pid, signal.SIGCONT)
    asyncio.run(made.close())
    eventually(lambda: clients(own_redis) == 0)
