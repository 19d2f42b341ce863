"""What a shop sees of a Redis that restarts, is slow once, fails over or is full: as little as can be."""

from __future__ import annotations

import os
import re
import signal
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from statistics import median

import pytest
from redis import Redis

from producers import Producer
from tests.integration.support import eventually
from tests.producers.support import (
    BOUND_S,
    BUDGET_S,
    accepted,
    accepts,
    at_once,
    call,
    clients,
    frozen,
    shop,
    warm_shop,
)
from tests.redis.certificates import Authority
from tests.redis.proxy import Proxy
from worker.stack.redis_server import EmbeddedRedis


@pytest.fixture
def producer(own_redis: EmbeddedRedis, prefix: str) -> Iterator[Producer]:
    """With a connection."""
    with warm_shop(own_redis.url, prefix) as made:
        yield made


@pytest.fixture
def patient(own_redis: EmbeddedRedis, prefix: str) -> Iterator[Producer]:
    """The same with a budget for whatever a busy machine needs to connect."""
    with closing(shop(own_redis.url, prefix, 5)) as made:
        assert accepts(made)
        yield made


def test_a_restart_between_two_calls_is_not_noticed(patient: Producer, own_redis: EmbeddedRedis, prefix: str) -> None:
    own_redis.kill()
    own_redis.restart()
    assert accepts(patient)
    assert accepted(own_redis, prefix) == 2


def test_an_idle_connection_that_redis_closed_is_not_used(patient: Producer, own_redis: EmbeddedRedis) -> None:
    with Redis(port=own_redis.port) as redis:
        redis.client_kill_filter(_type="normal", skipme=True)
    assert accepts(patient)


def test_one_slow_answer_fails_no_other_call(
    producer: Producer, own_redis: EmbeddedRedis, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next caller waits an instant for the PONG; here as long as a busy machine needs for it."""
    monkeypatch.setattr("producers.connection.pool.SUSPICION_S", 5)
    with closing(shop(own_redis.url, prefix, 5)) as patient:
        assert accepts(patient)
        with frozen(own_redis):
            assert call(producer).error
        assert accepts(patient)


def test_what_is_known_of_redis_is_told_with_its_age(producer: Producer, own_redis: EmbeddedRedis) -> None:
    """First that it did not answer, which a busy machine may let pass unseen; then that it cannot be reached."""

    def soon_after() -> bool:
        eventually(lambda: accepts(producer))
        with frozen(own_redis):
            reason = ""
            while "cannot be reached" not in reason:
                reason = str(call(producer).error)
                if re.search(r"Redis did not answer \d\.\d s ago", reason):
                    return True
        return False

    eventually(soon_after)
    with frozen(own_redis):
        eventually(lambda: "Redis cannot be reached: Timeout" in str(call(producer).error))


def test_a_redis_that_is_back_is_used_again_soon(producer: Producer, own_redis: EmbeddedRedis) -> None:
    """While it is away calls fail at once; it is tried again by itself, at least every second."""
    own_redis.kill()
    calls = [call(producer) for _ in range(20)]
    for each in calls:
        assert each.error is not None
        assert not each.error.maybe_accepted
    assert at_once(calls)
    own_redis.restart()
    eventually(lambda: accepts(producer))


def test_a_full_redis_is_told_and_is_no_trouble(producer: Producer, own_redis: EmbeddedRedis) -> None:
    with Redis(port=own_redis.port) as redis:
        redis.config_set("maxmemory", "1")
        seconds, error = call(producer)
        assert error is not None
        assert not error.maybe_accepted
        assert "memory" in error.reason
        assert seconds < BOUND_S
        redis.config_set("maxmemory", "0")
        eventually(lambda: accepts(producer))
        assert clients(own_redis) == 2  # this one, and the same as before


def test_a_login_that_may_not_ping_is_one_that_works(own_redis: EmbeddedRedis, prefix: str) -> None:
    with Redis(port=own_redis.port) as redis:
        redis.execute_command("ACL", "SETUSER", "shop", "on", ">secret", "~*", "+@all", "-ping")
    with closing(shop(own_redis.url.replace("//", "//shop:secret@"), prefix, 5)) as producer:
        assert accepts(producer)


def test_the_budget_holds_over_tls_as_well(own_redis: EmbeddedRedis, prefix: str, authority: Authority) -> None:
    """With an idle connection: what TLS sends by itself makes it no stale one."""
    with Proxy(own_redis.port, authority.server(clients=False)) as proxy:
        url = f"rediss://127.0.0.1:{proxy.port}/0?ssl_ca_certs={authority.ca}"
        with warm_shop(url, prefix) as producer, closing(shop(url, prefix, 5)) as patient:
            assert accepts(patient)
            before = clients(own_redis)
            assert accepts(patient)
            assert clients(own_redis) == before
            with frozen(own_redis):
                seconds, error = call(producer)
    assert error is not None
    assert error.maybe_accepted
    assert seconds < BOUND_S


@pytest.fixture
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


def test_threads_on_a_redis_that_freezes_wait_one_budget_each(producer: Producer, own_redis: EmbeddedRedis) -> None:
    """And go on after it, each on a connection that nobody else reads."""
    slowest: list[float] = []
    stop = threading.Event()

    def sell() -> None:
        while not stop.wait(0.001):
            slowest.append(call(producer).seconds)

    with ExitStack() as stack:
        threads = [threading.Thread(target=sell) for _ in range(10)]
        for each in threads:
            each.start()
            stack.callback(each.join)
        stack.callback(stop.set)
        os.kill(own_redis.pid, signal.SIGSTOP)
        eventually(lambda: slowest and max(slowest) > 0.09)
        os.kill(own_redis.pid, signal.SIGCONT)
        eventually(lambda: accepts(producer))
    assert median(sorted(slowest)[-10:]) < 2 * BUDGET_S  # one after the other they would wait 0.1, 0.2, ... 1 s


def test_the_other_idle_connections_to_a_redis_that_froze_are_not_tried(
    producer: Producer, own_redis: EmbeddedRedis
) -> None:
    """One budget is spent, however many connections a burst has left."""

    def burst() -> bool:
        with ThreadPoolExecutor(10) as threads:
            list(threads.map(lambda _: call(producer), range(100)))
        return clients(own_redis) >= 4

    eventually(burst)
    with frozen(own_redis):
        _first, *others = [call(producer) for _ in range(5)]
    assert at_once(others)


def test_the_connecting_thread_outlives_what_it_does_not_expect(
    own_redis: EmbeddedRedis, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> object:
        raise KeyError("a fault of the resolver's")

    with closing(shop(own_redis.url, prefix)) as producer:
        with monkeypatch.context() as patch:
            patch.setattr(socket, "getaddrinfo", broken)
            assert "a fault of the resolver's" in str(call(producer).error)
        eventually(lambda: accepts(producer))
