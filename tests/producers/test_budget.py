"""`enqueue` returns within its budget, however Redis fails; and says rightly whether the event may be there."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager

import pytest

from producers import ConfigurationError, EnqueueFailed, Producer
from producers.append import APPEND
from producers.connection import Connection
from producers.connection.calls import WAITING
from producers.connection.deadline_socket import DeadlineSocket
from tests.integration.support import eventually
from tests.producers.dripping import dripping
from tests.producers.support import (
    BOUND_S,
    BUDGET_S,
    accepted,
    accepts,
    at_once,
    black_hole,
    call,
    frozen,
    shop,
    silent,
    warm_shop,
)
from worker.stack.ports import free_port
from worker.stack.redis_server import EmbeddedRedis

CALLS = 30


@contextmanager
def nobody() -> Iterator[int]:
    yield free_port()


AWAY: dict[str, tuple[str, Callable[[], AbstractContextManager[int]]]] = {
    "nobody listens": ("redis://127.0.0.1:{port}/0", nobody),
    "connects and is silent": ("redis://127.0.0.1:{port}/0", silent),
    "swallows the attempt to connect": ("redis://127.0.0.1:{port}/0", black_hole),
    "the TLS handshake hangs": ("rediss://127.0.0.1:{port}/0", silent),
    "the login hangs": ("redis://user:secret@127.0.0.1:{port}/0", silent),
    "sentinels hang": ("sentinel://127.0.0.1:{port},127.0.0.1:{port},127.0.0.1:{port}/0?master=m", silent),
    "sentinels are away": ("sentinel://127.0.0.1:{port}/0?master=m", nobody),
    "no such socket": ("unix:///nowhere/redis-{port}.sock", nobody),
}


@pytest.mark.parametrize("trouble", AWAY)
def test_a_redis_that_cannot_be_reached_costs_one_budget_and_then_nothing(trouble: str, prefix: str) -> None:
    url, away = AWAY[trouble]
    with away() as port, closing(shop(url.format(port=port), prefix)) as producer:
        calls = [call(producer) for _ in range(CALLS)]
    assert calls[0].seconds < BOUND_S
    assert at_once(calls[1:])
    for each in calls:
        assert each.error is not None
        assert not each.error.maybe_accepted
        assert "cannot be reached" in each.error.reason
        assert "secret" not in each.error.reason


def test_a_name_that_is_not_resolved_costs_no_more(
    redis_server: EmbeddedRedis, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And once it is, the connection that came too late for one caller serves the next."""
    resolved, real = threading.Event(), socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args: (resolved.wait(20), real(*args))[1])
    with closing(shop(redis_server.url, prefix)) as producer:
        first, *others = [call(producer) for _ in range(6)]
        assert first.seconds < BOUND_S
        assert at_once(others)
        assert first.error
        assert all(each.error for each in others)
        resolved.set()
        eventually(lambda: accepts(producer))


def test_a_redis_that_freezes_under_the_call_costs_one_budget(own_redis: EmbeddedRedis, prefix: str) -> None:
    """And may have accepted that one event; what comes after it was surely not accepted."""
    with warm_shop(own_redis.url, prefix) as producer:
        before = accepted(own_redis, prefix)
        with frozen(own_redis):
            calls = [call(producer) for _ in range(CALLS)]
        errors = [each.error for each in calls if each.error]
        assert [error.maybe_accepted for error in errors] == [True] + [False] * (CALLS - 1)
        assert WAITING * BUDGET_S <= calls[0].seconds < BOUND_S
        assert at_once(calls[1:])
        eventually(lambda: accepted(own_redis, prefix) == before + 1)
        eventually(lambda: accepts(producer))


def test_an_answer_that_drips_costs_one_budget(redis_server: EmbeddedRedis, prefix: str) -> None:
    with dripping(redis_server.port) as drip, warm_shop(f"redis://127.0.0.1:{drip.port}/0", prefix) as producer:
        drip.slow.set()
        calls = [call(producer) for _ in range(CALLS)]
        assert max(each.seconds for each in calls) < BOUND_S
        assert calls[0].error is not None
        assert calls[0].error.maybe_accepted


def test_the_agreement_and_the_event_share_one_budget(redis_server: EmbeddedRedis, prefix: str) -> None:
    """The first call of a process asks twice; here its answers take 0.2 s and 0.15 s."""
    with dripping(redis_server.port) as drip, warm_shop(f"redis://127.0.0.1:{drip.port}/0", f"{prefix}-0"):
        drip.slow.set()
        with closing(shop(f"redis://127.0.0.1:{drip.port}/0", prefix, 0.25)) as producer:
            seconds, error = call(producer)
    assert seconds < 0.25 + BOUND_S
    assert error is not None
    assert error.maybe_accepted


def test_a_request_that_does_not_leave_wholly_was_surely_not_accepted(own_redis: EmbeddedRedis, prefix: str) -> None:
    """More than the socket's buffers hold, to a Redis that reads nothing."""
    connection = Connection(own_redis.url, budget_s=BUDGET_S)
    with closing(connection), frozen_after(connection, own_redis):
        for maybe, size in ((False, 30_000_000), (False, 10)):
            with pytest.raises(EnqueueFailed) as failed:
                connection.run(APPEND, [1, prefix, b"x" * size], "id")
            assert failed.value.maybe_accepted == maybe


@pytest.mark.parametrize("wrong", ["4", "60001", "soon"])
def test_a_budget_that_cannot_be_is_refused_by_name(wrong: str) -> None:
    with pytest.raises(ConfigurationError, match="FORWARDER_ENQUEUE_BUDGET_MS"):
        Producer.from_env({"FORWARDER_ENQUEUE_BUDGET_MS": wrong})


def test_the_budget_is_that_of_the_environment(prefix: str) -> None:
    with silent() as port:
        env = {"FORWARDER_REDIS_URL": f"redis://127.0.0.1:{port}/0", "FORWARDER_ENQUEUE_BUDGET_MS": "300"}
        with closing(Producer.from_env({**env, "FORWARDER_KEY_PREFIX": prefix})) as producer:
            assert WAITING * 0.3 <= call(producer).seconds < 0.3 + BOUND_S - BUDGET_S


def test_writing_ends_at_the_deadline() -> None:
    near, far = socket.socketpair()
    began = time.monotonic()
    with near, far, pytest.raises(TimeoutError):
        DeadlineSocket(near, began + BUDGET_S).sendall(b"x" * 50_000_000)
    assert time.monotonic() - began < BOUND_S


PURE = """
import os, signal, sys, time
sys.modules["hiredis"] = None
from redis.utils import HIREDIS_AVAILABLE
from producers import EnqueueFailed, Producer
producer = Producer.from_env({"FORWARDER_REDIS_URL": sys.argv[1], "FORWARDER_KEY_PREFIX": sys.argv[2]})
assert not HIREDIS_AVAILABLE
def enqueue():
    began = time.monotonic()
    try:
        producer.enqueue("event-api", account="1", event={"eventType": "conversion"})
    except EnqueueFailed as error:
        return time.monotonic() - began, error
while enqueue():
    time.sleep(0.05)
os.kill(int(sys.argv[3]), signal.SIGSTOP)
seconds, error = enqueue()
os.kill(int(sys.argv[3]), signal.SIGCONT)
print(seconds, error.maybe_accepted)
"""


def test_it_holds_without_hiredis_too(own_redis: EmbeddedRedis, prefix: str) -> None:
    """A shop has redis-py's own parser, unless it installed the other."""
    command = [sys.executable, "-c", PURE, own_redis.url, prefix, str(own_redis.pid)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    seconds, maybe = done.stdout.split()
    assert float(seconds) < BOUND_S
    assert maybe == "True"


@contextmanager
def frozen_after(connection: Connection, server: EmbeddedRedis) -> Iterator[None]:
    """Frozen once there is a connection."""
    connection.agree("terms", "1", "id", connection.deadline() + 5)
    with frozen(server):
        yield
