"""What a checkout sees when Redis is away: an honest answer within a second, and no need to start anything again."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from producers import EnqueueFailed, Producer
from producers.destinations import DESTINATIONS
from producers.settings import BatchSettings, BufferSettings
from tests.buffer.test_producer import conversion, line
from tests.integration.support import eventually
from tests.producers.support import accepted
from worker.stack.ports import free_port
from worker.stack.redis_server import EmbeddedRedis

BUDGET_MS = 300
BOUND_S = 2.0  # without a budget it would be for ever
CAPS = BatchSettings(max_events=100, max_bytes=1_000_000)


@pytest.fixture
def producer(own_redis: EmbeddedRedis, prefix: str) -> Iterator[Producer]:
    made = Producer(
        BufferSettings(own_redis.url, prefix, enqueue_budget_ms=BUDGET_MS), dict.fromkeys(DESTINATIONS, CAPS)
    )
    yield made
    made.close()


@contextmanager
def frozen(server: EmbeddedRedis) -> Iterator[None]:
    """The server's process is stopped: it still has its connections, and answers nothing."""
    os.kill(server.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(server.pid, signal.SIGCONT)


def enqueue(producer: Producer) -> str:
    return producer.enqueue("event-api", account="1", event=conversion())


def accepts(producer: Producer) -> bool:
    try:
        return bool(enqueue(producer))
    except EnqueueFailed:
        return False


def failure(producer: Producer) -> EnqueueFailed:
    """How the next event fails, within its budget and what a busy machine adds."""
    started = time.monotonic()
    with pytest.raises(EnqueueFailed) as caught:
        enqueue(producer)
    assert time.monotonic() - started < BOUND_S
    assert caught.value.id
    return caught.value


def test_a_redis_that_never_was_there_has_surely_not_accepted_the_event(prefix: str) -> None:
    nowhere = BufferSettings(f"redis://127.0.0.1:{free_port()}/0", prefix)
    producer = Producer(nowhere, dict.fromkeys(DESTINATIONS, CAPS))
    error = failure(producer)
    assert not error.maybe_accepted
    assert "cannot be reached" in str(error)


def test_a_redis_that_went_away_has_surely_not_accepted_the_event(producer: Producer, own_redis: EmbeddedRedis) -> None:
    enqueue(producer)
    own_redis.kill()
    for _ in range(2):
        assert not failure(producer).maybe_accepted


def test_a_redis_that_is_frozen_may_have_accepted_the_event(
    producer: Producer, own_redis: EmbeddedRedis, prefix: str
) -> None:
    """It did, in fact, as soon as it goes on. Later events go through without further ado."""
    enqueue(producer)
    with frozen(own_redis):
        assert failure(producer).maybe_accepted
    eventually(lambda: accepts(producer))
    assert accepted(own_redis, prefix) == 3


def test_a_redis_that_was_frozen_before_the_first_event_costs_little_more_than_the_budget(
    producer: Producer, own_redis: EmbeddedRedis
) -> None:
    with frozen(own_redis):
        for _ in range(2):
            failure(producer)


def test_the_producer_reconnects_by_itself(producer: Producer, own_redis: EmbeddedRedis, prefix: str) -> None:
    """After a restart that it did not notice, at once; after one that it did, as soon as it has seen Redis again."""
    enqueue(producer)
    own_redis.kill()
    own_redis.restart()
    enqueue(producer)
    own_redis.kill()
    failure(producer)
    own_redis.restart()
    eventually(lambda: accepts(producer))
    assert accepted(own_redis, prefix) == 3


def test_each_of_many_says_whether_it_may_have_been_accepted(producer: Producer, own_redis: EmbeddedRedis) -> None:
    """Of the chunk that was under way it is not known; what was not tried was surely not accepted."""
    enqueue(producer)
    lines = [line(f"e{number}") for number in range(700)]
    lines[10] = line("bad", wrong=1)
    started = time.monotonic()
    with frozen(own_redis):
        results = producer.enqueue_many(lines)
    assert time.monotonic() - started < BOUND_S
    errors = [result.error for result in results if isinstance(result.error, EnqueueFailed)]
    assert [error.id for error in errors] == [f"e{number}" for number in range(700) if number != 10]
    assert [error.maybe_accepted for error in errors] == [True] * 500 + [False] * 199


def test_none_of_many_is_accepted_by_a_redis_that_is_down(producer: Producer, own_redis: EmbeddedRedis) -> None:
    own_redis.kill()
    results = producer.enqueue_many(line(f"e{number}") for number in range(1_200))
    errors = [result.error for result in results]
    assert all(isinstance(error, EnqueueFailed) and not error.maybe_accepted for error in errors)


def test_an_answer_that_came_too_late_is_not_taken_for_that_of_another_event(
    producer: Producer, own_redis: EmbeddedRedis, prefix: str
) -> None:
    enqueue(producer)
    with frozen(own_redis):
        failure(producer)
    for _ in range(20):
        eventually(lambda: accepts(producer))
    assert accepted(own_redis, prefix) == 22
