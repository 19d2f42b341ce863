"""One producer in many threads, and in processes that were forked with it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from producers import Producer
from producers.destinations import DESTINATIONS
from producers.settings import BatchSettings, BufferSettings
from tests.buffer.support import World
from tests.buffer.test_producer import conversion, stored_ids
from worker.stack.redis_server import EmbeddedRedis

CAPS = BatchSettings(max_events=100, max_bytes=1_000_000)
THREADS, EACH = 8, 500
CHILDREN, EVENTS = 3, 60


@pytest.fixture
def producer(redis_server: EmbeddedRedis, prefix: str) -> Iterator[Producer]:
    made = Producer(
        BufferSettings(redis_server.url, prefix, enqueue_budget_ms=5_000), dict.fromkeys(DESTINATIONS, CAPS)
    )
    yield made
    made.close()


def enqueue_all(producer: Producer, name: str, count: int) -> list[str]:
    wanted = [f"{name}-{number}" for number in range(count)]
    given: list[str] = [producer.enqueue("event-api", account="1", event=conversion(), id=id_) for id_ in wanted]
    assert given == wanted
    return given


async def test_events_of_many_threads_are_each_accepted_once(producer: Producer, world: World) -> None:
    """And those of one thread stay in their order."""
    with ThreadPoolExecutor(THREADS) as pool:
        ids = list(pool.map(lambda thread: enqueue_all(producer, f"t{thread}", EACH), range(THREADS)))
    await world.check()
    stored = await stored_ids(world)
    assert len(stored) == THREADS * EACH
    for thread in range(THREADS):
        assert [id_ for id_ in stored if id_.startswith(f"t{thread}-")] == ids[thread]


async def test_parent_and_forked_children_do_not_read_each_others_answers(producer: Producer, world: World) -> None:
    enqueue_all(producer, "before", 1)
    children = [_forked(producer, f"child{number}") for number in range(CHILDREN)]
    enqueue_all(producer, "parent", EVENTS)
    assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0] * CHILDREN
    await world.check()
    stored = await stored_ids(world)
    assert len(stored) == len(set(stored)) == 1 + (1 + CHILDREN) * EVENTS
    batches = (await world.picture()).batches
    assert len(batches) == 3


def _forked(producer: Producer, name: str) -> int:
    child = os.fork()
    if child == 0:
        try:
            enqueue_all(producer, name, EVENTS)
            os._exit(0)
        finally:
            os._exit(1)
    return child
