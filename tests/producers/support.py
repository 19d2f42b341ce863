"""What the tests of the producer's connections share: a shop, calls with their time, Redis in trouble."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from statistics import median
from typing import NamedTuple

from producers import EnqueueFailed, Producer
from producers.destinations import DESTINATIONS
from producers.keys import Slot
from producers.settings import BatchSettings, BufferSettings
from tests.integration.support import eventually
from worker.connection.client import sync_redis
from worker.stack.ports import LOOPBACK
from worker.stack.redis_server import EmbeddedRedis

BUDGET_S = 0.1
BOUND_S = BUDGET_S + 0.65  # one budget, on a machine so busy that a thread waits long for its turn
AT_ONCE_S = BUDGET_S / 2
CAPS = BatchSettings(max_events=100, max_bytes=1_000_000)
EVENT = {"eventType": "conversion"}


class Call(NamedTuple):
    """How long one `enqueue` took, and how it ended."""

    seconds: float
    error: EnqueueFailed | None


def shop(url: str, prefix: str, budget_s: float = BUDGET_S) -> Producer:
    buffer = BufferSettings(url, prefix, enqueue_budget_ms=round(budget_s * 1000))
    return Producer(buffer, dict.fromkeys(DESTINATIONS, CAPS))


def call(producer: Producer, event_id: str | None = None) -> Call:
    error, began = None, time.monotonic()
    try:
        producer.enqueue("event-api", account="1", event=EVENT, id=event_id)
    except EnqueueFailed as failed:
        error = failed
    return Call(time.monotonic() - began, error)


def at_once(calls: Iterable[Call]) -> bool:
    """Whether these calls did not wait for Redis; on a busy machine, for its turn, one of them may."""
    return median(each.seconds for each in calls) < AT_ONCE_S


def accepts(producer: Producer) -> bool:
    return call(producer).error is None


@contextmanager
def warm_shop(url: str, prefix: str) -> Iterator[Producer]:
    """One that has a connection and has agreed on terms; a busy machine may take longer than the budget for both."""
    with closing(shop(url, prefix)) as made:
        with closing(shop(url, prefix, 5)) as patient:
            assert accepts(patient)
        eventually(lambda: accepts(made), within_s=5)
        yield made


def accepted(server: EmbeddedRedis, prefix: str) -> int:
    """How many events lie in Redis, by its ledger."""
    redis = sync_redis(server.url)
    count = redis.hget(Slot(prefix, "event-api", 0).key("ledger"), "accepted")
    redis.close()
    return int(count or 0)


def clients(server: EmbeddedRedis) -> int:
    """How many connections Redis has, without the one that asks."""
    redis = sync_redis(server.url)
    found = redis.client_list()
    redis.close()
    return len(found) - 1


@contextmanager
def frozen(server: EmbeddedRedis) -> Iterator[None]:
    """It still has its connections, and takes new ones, and answers nothing."""
    os.kill(server.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(server.pid, signal.SIGCONT)


@contextmanager
def silent() -> Iterator[int]:
    """The port of a server that takes connections and says nothing."""
    with socket.create_server((LOOPBACK, 0)) as server:
        yield server.getsockname()[1]


@contextmanager
def black_hole() -> Iterator[int]:
    """The port of a server that never answers an attempt to connect: its backlog is full."""
    with socket.create_server((LOOPBACK, 0), backlog=0) as server:
        waiting = [socket.socket() for _ in range(4)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(server.getsockname())
        yield server.getsockname()[1]
        for each in waiting:
            each.close()
