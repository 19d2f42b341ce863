"""The producer for asyncio on a real Redis: the same answers as the other, in far fewer calls."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Sequence

import pytest

from producers import EnqueueFailed, Fate, InvalidEvent, Producer
from producers.asynchronous import AsyncProducer
from producers.keys import Slot
from producers.preparer import Made
from tests.buffer.support import World
from tests.buffer.test_producer import conversion, cost_of, line, stored_ids
from tests.producers.conftest import new_producer
from worker.stack.redis_server import EmbeddedRedis


@pytest.fixture
async def shop(producer: Producer) -> AsyncIterator[AsyncProducer]:
    async with AsyncProducer(producer) as made:
        yield made


async def test_an_event_lies_in_redis_when_its_id_is_given_back(shop: AsyncProducer, world: World) -> None:
    given = await shop.enqueue("event-api", account="1", event=conversion(), id="mine")
    assert (given, given.fate) == ("mine", Fate.BUFFERED)
    assert await stored_ids(world) == ["mine"]


async def test_callers_of_one_moment_share_a_call(shop: AsyncProducer, world: World) -> None:
    await shop.enqueue("event-api", account="1", event=conversion(), id="first")
    async with cost_of(world) as sent:
        ids = await asyncio.gather(
            *(shop.enqueue("event-api", account="1", event=conversion(), id=f"e{number}") for number in range(64))
        )
    assert ids == [f"e{number}" for number in range(64)]
    assert sent == {"evalsha": 1}
    assert (await stored_ids(world))[1:] == ids


async def test_what_comes_while_a_call_is_under_way_leaves_with_the_next() -> None:
    """In its order, one call at a time."""
    held = HeldAppender()
    shop = AsyncProducer(Producer.from_env({}, appender=held))
    first = asyncio.create_task(shop.enqueue("event-api", account="1", event=conversion(), id="first"))
    await asyncio.to_thread(held.called.wait, 10)
    later = [
        asyncio.create_task(shop.enqueue("event-api", account="1", event=conversion(), id=str(number)))
        for number in range(20)
    ]
    await asyncio.sleep(0)
    held.go.set()
    assert await asyncio.gather(first, *later) == ["first", *map(str, range(20))]
    assert held.calls == [["first"], [str(number) for number in range(20)]]
    await shop.close()


async def test_an_invalid_event_is_told_to_its_caller_alone(shop: AsyncProducer) -> None:
    good, bad = await asyncio.gather(
        shop.enqueue("event-api", account="1", event=conversion(), id="good"),
        shop.enqueue("event-api", account="1", event={"nonsense": 1}),
        return_exceptions=True,
    )
    assert good == "good"
    assert isinstance(bad, InvalidEvent)


async def test_a_failure_is_told_to_everybody_with_their_own_ids() -> None:
    shop = AsyncProducer(Producer.from_env({}, appender=HeldAppender(fails=True)))
    events = [shop.enqueue("event-api", account="1", event=conversion(), id=str(number)) for number in range(3)]
    failures = await asyncio.gather(*events, return_exceptions=True)
    told = [(failure.id, failure.maybe_accepted) for failure in failures if isinstance(failure, EnqueueFailed)]
    assert told == [("0", True), ("1", True), ("2", True)]
    await shop.close()


async def test_who_is_cancelled_before_the_call_leaves_nothing_and_hurts_nobody() -> None:
    held = HeldAppender()
    shop = AsyncProducer(Producer.from_env({}, appender=held))
    first = asyncio.create_task(shop.enqueue("event-api", account="1", event=conversion(), id="first"))
    await asyncio.to_thread(held.called.wait, 10)
    gone, stays = (
        asyncio.create_task(shop.enqueue("event-api", account="1", event=conversion(), id=name))
        for name in ("gone", "stays")
    )
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.sleep(0)
    held.go.set()
    assert [await first, await stays] == ["first", "stays"]
    assert held.calls == [["first"], ["stays"]]
    await shop.close()


async def test_closing_waits_for_the_calls_under_way() -> None:
    held = HeldAppender()
    shop = AsyncProducer(Producer.from_env({}, appender=held))
    caller = asyncio.create_task(shop.enqueue("event-api", account="1", event=conversion(), id="first"))
    await asyncio.to_thread(held.called.wait, 10)
    closing = asyncio.create_task(shop.close())
    await asyncio.sleep(0)
    assert not closing.done()
    held.go.set()
    await closing
    assert await caller == "first"


async def test_many_events_have_a_result_each(shop: AsyncProducer) -> None:
    results = await shop.enqueue_many([line("a"), {"destination": "event-api"}, line("b")])
    assert [result.id for result in results] == ["a", "", "b"]
    assert isinstance(results[1].error, InvalidEvent)


def test_another_loop_begins_anew(redis_server: EmbeddedRedis, prefix: str) -> None:
    """As under a server that runs a loop a request, or in tests."""
    shop = AsyncProducer(new_producer(redis_server, prefix))
    for name in ("a", "b"):
        assert asyncio.run(_enqueued(shop, name)) == name
    shop.check(line("c"))


async def _enqueued(shop: AsyncProducer, name: str) -> str:
    return await shop.enqueue("event-api", account="1", event=conversion(), id=name)


class HeldAppender:
    """Notes the ids of each call, and answers when it may."""

    def __init__(self, *, fails: bool = False) -> None:
        self.calls: list[list[str]] = []
        self.called, self.go = threading.Event(), threading.Event()
        self._fails = fails

    def slot_of(self, made: Made) -> Slot:
        return Slot("test", made.to.name, 0)

    def append(self, made: Sequence[Made]) -> list[Fate]:
        self.calls.append([each.id for each in made])
        self.called.set()
        if self._fails:
            raise EnqueueFailed("no answer", id="", maybe_accepted=True)
        assert self.go.wait(10)
        return [Fate.BUFFERED] * len(made)

    def withhold(self, _made: Sequence[Made]) -> None:
        raise AssertionError("nobody asked for consent")

    def close(self) -> None:
        """Nothing is open."""


async def test_closing_waits_for_many_that_are_under_way() -> None:
    held = HeldAppender()
    shop = AsyncProducer(Producer.from_env({}, appender=held))
    many = asyncio.create_task(shop.enqueue_many([line("a"), line("b")]))
    await asyncio.to_thread(held.called.wait, 10)
    closing = asyncio.create_task(shop.close())
    await asyncio.sleep(0)
    assert not closing.done()
    held.go.set()
    await closing
    assert [result.id for result in await many] == ["a", "b"]
