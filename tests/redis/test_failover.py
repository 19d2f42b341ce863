"""Sentinel: producers, workers, Celery and the command line go to the new primary, and nothing replicated is lost."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from redis import Redis

from producers import EnqueueFailed, Producer
from tests.integration.support import (
    environment,
    eventually,
    ids_of,
    running,
    sample,
    samples,
    times_accepted,
)
from tests.redis.sentinels import Watched, watched
from tests.redis.troubles import BOUND_S, PATIENCE, Scene
from tests.support.shop import Shop
from worker.stack.redis_server import EmbeddedRedis

CALL_S = 4.0  # four budgets; without them what hangs would hold a call for as long as it does


@pytest.fixture(scope="module")
def sentinels(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    with watched(tmp_path_factory.mktemp("watched")) as made:
        yield made


def accepts(producer: Producer) -> bool:
    try:
        return bool(producer.enqueue("event-api", account="1", event=sample("1", 0)["event"]))
    except EnqueueFailed:
        return False


def failure(producer: Producer) -> EnqueueFailed:
    """How the next event fails; in bounded time."""
    started = time.monotonic()
    with pytest.raises(EnqueueFailed) as caught:
        producer.enqueue("event-api", account="1", event=sample("1", 1)["event"])
    assert time.monotonic() - started < CALL_S
    return caught.value


def test_a_primary_that_hangs_delays_a_producer_no_longer_than_another_redis(sentinels: Watched) -> None:
    with closing(Producer.from_env(environment(sentinels.url))) as producer:
        producer.enqueue("event-api", account="1", event=sample("1", 0)["event"])
        pid = sentinels.primary.pid
        os.kill(pid, signal.SIGSTOP)
        try:
            assert failure(producer).maybe_accepted
        finally:
            os.kill(pid, signal.SIGCONT)


def test_sentinels_that_hang_are_passed_over(sentinels: Watched) -> None:
    """They cost a caller no more than its budget, and the one that answers is found meanwhile."""
    with ExitStack() as stack:
        silent = [stack.enter_context(socket.create_server(("127.0.0.1", 0))).getsockname()[1] for _ in range(2)]
        hosts = ",".join(f"127.0.0.1:{port}" for port in (*silent, sentinels.port))
        env = environment(f"sentinel://{hosts}?master=events", FORWARDER_ENQUEUE_BUDGET_MS="100")
        producer = stack.enter_context(closing(Producer.from_env(env)))
        failure(producer)
        eventually(lambda: accepts(producer))


def test_a_failover_loses_nothing_that_was_replicated(sentinels: Watched, tmp_path: Path) -> None:
    """The primary is killed under load, while events wait."""
    lines = samples("42001", 500)
    with running(sentinels.url, tmp_path, **PATIENCE) as forwarder:
        forwarder.sandbox.faults({"status": 503})
        forwarder.cli.enqueue(lines)
        old = sentinels.primary
        with Redis(port=old.port) as primary:
            assert primary.wait(1, 5_000) == 1
        with Shop(forwarder.cli.env, pause_s=0.02).open() as shop:
            old.kill()
            sentinels.wait_for_another(old.port)
            forwarder.sandbox.faults()
            assert Scene(forwarder, shop, old).resumed() < BOUND_S
        assert shop.slowest < CALL_S
        forwarder.cli.drain()
        assert ids_of(lines) <= times_accepted(forwarder.sandbox).keys()
        assert forwarder.worker.running


def test_where_no_sentinel_answers_the_event_was_surely_not_accepted() -> None:
    with ExitStack() as stack:
        silent = [stack.enter_context(socket.create_server(("127.0.0.1", 0))).getsockname()[1] for _ in range(5)]
        hosts = ",".join(f"127.0.0.1:{port}" for port in silent)
        env = environment(f"sentinel://:hidden@{hosts}/0?master=events&sentinel_password=hidden")
        producer = stack.enter_context(closing(Producer.from_env(env)))
        assert not failure(producer).maybe_accepted
        eventually(lambda: "No master found for 'events'" in str(failure(producer)))
        error = failure(producer)
        assert not error.maybe_accepted
        assert "hidden" not in str(error)


def test_a_redis_that_became_a_replica_is_left_and_said_so(own_redis: EmbeddedRedis) -> None:
    """Behind a name of a managed service, say: the connection is dropped, so that the next is to the primary."""
    with closing(Producer.from_env(environment(own_redis.url))) as producer, Redis(port=own_redis.port) as redis:
        producer.enqueue("event-api", account="1", event=sample("1", 0)["event"])
        before = _connections(redis)
        redis.replicaof("127.0.0.1", "1")
        error = failure(producer)
        assert not error.maybe_accepted
        assert "replica" in str(error)
        eventually(lambda: _connections(redis) < before)
        redis.replicaof("NO", "ONE")
        producer.enqueue("event-api", account="1", event=sample("1", 0)["event"])


def _connections(redis: Redis) -> int:
    return len(redis.client_list())
