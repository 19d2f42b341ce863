"""Producers of one process share their connections: few of them, safe between threads, and closed by the last."""

from __future__ import annotations

import _thread
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from time import monotonic

import pytest
from redis.asyncio import Redis

from producers import Producer
from producers.connection.connecting import Connecting
from producers.connection.link import Link
from producers.connection.pool import MOST_CONNECTIONS, Pool, Unreachable
from producers.keys import Slot
from producers.redis_url import parse_redis_url
from tests.buffer.support import World
from tests.buffer.test_producer import stored_ids
from tests.integration.support import environment, eventually
from tests.producers.support import BOUND_S, BUDGET_S, accepts, call, clients, shop
from worker.stack.redis_server import EmbeddedRedis

THREADS, EACH = 20, 200


@pytest.fixture
def pool(redis_server: EmbeddedRedis) -> Iterator[Pool]:
    """Of two connections at the most."""
    made = Pool(Connecting(parse_redis_url(redis_server.url)), most=2)
    yield made
    made.close()


def test_nothing_starts_before_the_first_event(own_redis: EmbeddedRedis) -> None:
    threads, before = _thread._count(), clients(own_redis)  # noqa: SLF001 - the only count that knows of every thread
    with closing(Producer.from_env(environment(own_redis.url, FORWARDER_ENQUEUE_BUDGET_MS="5000"))) as producer:
        assert (_thread._count(), clients(own_redis)) == (threads, before)  # noqa: SLF001
        assert accepts(producer)
        assert clients(own_redis) == before + 1


def test_producers_of_one_redis_share_a_connection_until_the_last_is_closed(
    own_redis: EmbeddedRedis, prefix: str
) -> None:
    before = clients(own_redis)
    first, second = shop(own_redis.url, prefix, 5), shop(own_redis.url, f"{prefix}-2", 5)
    assert accepts(first)
    assert accepts(second)
    assert clients(own_redis) == before + 1
    first.close()
    first.close()
    assert accepts(second)
    assert clients(own_redis) == before + 1
    second.close()
    eventually(lambda: clients(own_redis) == before)


@pytest.fixture
def world(redis: Redis, prefix: str) -> World:
    return World(redis, Slot(prefix, "event-api", 0))


async def test_a_storm_of_threads_loses_and_doubles_nothing(
    redis_server: EmbeddedRedis, prefix: str, world: World
) -> None:
    """Through producers of their own, which is what a careless shop has."""
    before = clients(redis_server)

    def sell(thread: int) -> None:
        with closing(shop(redis_server.url, prefix, 5)) as producer:
            for number in range(EACH):
                producer.enqueue("event-api", account="1", event={"eventType": "conversion"}, id=f"{thread}-{number}")

    with closing(shop(redis_server.url, prefix)), ThreadPoolExecutor(THREADS) as threads:
        list(threads.map(sell, range(THREADS)))
        assert clients(redis_server) - before <= THREADS
    await world.check()
    stored = await stored_ids(world)
    assert sorted(stored) == sorted(f"{thread}-{number}" for thread in range(THREADS) for number in range(EACH))


def test_where_all_connections_are_in_use_a_caller_waits_for_one(pool: Pool) -> None:
    first, _second = (pool.take(monotonic() + 5) for _ in range(2))
    timer = threading.Timer(0.05, pool.give_back, [first])
    timer.start()
    assert pool.take(monotonic() + 5) is first
    timer.join()


def test_and_no_longer_than_its_budget(pool: Pool) -> None:
    """That says nothing of Redis: who asks later is served."""
    first, _second = (pool.take(monotonic() + 5) for _ in range(2))
    began = monotonic()
    with pytest.raises(Unreachable, match="all 2 connections to Redis are in use"):
        pool.take(began + BUDGET_S)
    assert monotonic() - began < BOUND_S
    pool.give_back(first)
    assert pool.take(monotonic() + BUDGET_S) is first


def test_the_connection_that_was_used_last_is_used_next(pool: Pool) -> None:
    """So that those which a burst needed are left alone, and Redis or a firewall may close them."""
    first, second = (pool.take(monotonic() + 5) for _ in range(2))
    pool.give_back(second)
    pool.give_back(first)
    assert pool.take(monotonic() + 5) is first


def test_more_threads_than_connections_are_all_served(redis_server: EmbeddedRedis, prefix: str) -> None:
    with closing(shop(redis_server.url, prefix, 5)) as producer, ThreadPoolExecutor(MOST_CONNECTIONS + 20) as threads:
        calls = list(threads.map(lambda _: call(producer), range(400)))
    assert not [each.error for each in calls if each.error]


def test_where_threads_do_not_run_the_error_says_so(
    redis_server: EmbeddedRedis, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in uWSGI, unless it is told to enable them."""
    with closing(shop(redis_server.url, prefix)) as producer:
        with monkeypatch.context() as patch:
            patch.setattr(_thread, "start_new_thread", lambda *_: 0)
            seconds, error = call(producer)
        assert seconds < BOUND_S
        assert "uWSGI needs enable-threads" in str(error)


def test_where_no_thread_can_be_started_the_error_says_so(
    redis_server: EmbeddedRedis, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> int:
        raise RuntimeError("can't start new thread")

    with closing(shop(redis_server.url, prefix)) as producer:
        with monkeypatch.context() as patch:
            patch.setattr(_thread, "start_new_thread", refuse)
            assert "can't start new thread" in str(call(producer).error)
        eventually(lambda: accepts(producer))


def test_a_connection_that_comes_after_the_last_producer_was_closed_is_closed_too(
    own_redis: EmbeddedRedis, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, resolved = clients(own_redis), threading.Event()
    real, closed = socket.getaddrinfo, threading.Event()
    really_close = Link.close

    def close(link: Link) -> None:
        really_close(link)
        closed.set()

    with monkeypatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", lambda *args: (resolved.wait(20), real(*args))[1])
        patch.setattr(Link, "close", close)
        with closing(shop(own_redis.url, prefix)) as producer:
            assert call(producer).error
        resolved.set()
        assert closed.wait(5)
    eventually(lambda: clients(own_redis) == before)
