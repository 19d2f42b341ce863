"""A shop's own word: what it withholds is stored nowhere, and the ledger says so."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from producers import ConfigurationError, EnqueueFailed, Fate, Producer
from producers.asynchronous import AsyncProducer
from tests.buffer.support import World
from tests.buffer.test_producer import conversion, line, stored_ids
from tests.producers.conftest import new_producer
from worker.stack.redis_server import EmbeddedRedis


def agreed(_destination: str, _account: str, event: Any) -> bool:
    """Those whose address begins with a y."""
    return bool(next(each["value"] for each in event["objectData"] if each["name"] == "email").startswith("y"))


def event(email: str) -> dict[str, Any]:
    return conversion(objectData=[{"name": "email", "value": email}])


@pytest.fixture
def careful(redis_server: EmbeddedRedis, prefix: str) -> Producer:
    return new_producer(redis_server, prefix, consent=agreed)


async def test_who_did_not_agree_is_not_sent_and_counted_as_discarded(careful: Producer, world: World) -> None:
    given = [
        careful.enqueue("event-api", account="1", event=event(email), id=email[0])
        for email in ("yes@example.com", "no@example.com")
    ]
    assert [(each, each.withheld) for each in given] == [("y", False), ("n", True)]
    assert await stored_ids(world) == ["y"]
    ledger = (await world.picture()).ledger
    assert (ledger["accepted"], ledger["discarded"], ledger["open"]) == (2, 1, 1)
    await world.check()


async def test_many_events_are_asked_about_one_by_one(careful: Producer, world: World) -> None:
    lines = [{**line(str(n)), "event": event(f"{'yn'[n % 2]}{n}@example.com")} for n in range(5)]
    results = careful.enqueue_many(lines)
    assert [result.fate for result in results] == [Fate.BUFFERED, Fate.WITHHELD] * 2 + [Fate.BUFFERED]
    assert await stored_ids(world) == ["0", "2", "4"]


async def test_coroutines_are_asked_about_one_by_one(careful: Producer, world: World) -> None:
    async with AsyncProducer(careful) as shop:
        emails = ("y1@example.com", "n2@example.com", "y3@example.com")
        given = await asyncio.gather(*(shop.enqueue("event-api", account="1", event=event(each)) for each in emails))
    assert [each.withheld for each in given] == [False, True, False]
    assert len(await stored_ids(world)) == 2


async def test_a_callback_that_fails_withholds_nothing_and_sends_nothing(careful: Producer, world: World) -> None:
    """The caller hears of it, with the id, and the others of the same call go on."""
    with pytest.raises(EnqueueFailed, match="the consent callback raised KeyError") as failed:
        careful.enqueue("event-api", account="1", event=conversion(), id="odd")
    assert (failed.value.id, failed.value.maybe_accepted) == ("odd", False)
    results = careful.enqueue_many([line("odd"), {**line("even"), "event": event("y@example.com")}])
    assert [bool(result.error) for result in results] == [True, False]
    assert await stored_ids(world) == ["even"]


def test_the_callback_may_be_named_in_the_environment() -> None:
    path = f"{agreed.__module__}:agreed"
    made = Producer.from_env({"FORWARDER_CONSENT": path})
    assert made.preparer.prepare_line({**line(), "event": event("no@example.com")}).withheld


@pytest.mark.parametrize("path", ["nowhere:at_all", "json", "json:nothing", "json:__name__", ":", "a..b:c"])
def test_a_name_that_is_no_function_is_refused(path: str) -> None:
    with pytest.raises(ConfigurationError, match="FORWARDER_CONSENT"):
        Producer.from_env({"FORWARDER_CONSENT": path})


async def test_a_count_that_redis_does_not_take_hurts_nobody(prefix: str) -> None:
    nowhere = Producer.from_env(
        {"FORWARDER_REDIS_URL": "redis://127.0.0.1:1", "FORWARDER_KEY_PREFIX": prefix}, consent=agreed
    )
    assert nowhere.enqueue("event-api", account="1", event=event("no@example.com")).withheld


async def yes_later(*_: Any) -> bool:
    return True


@pytest.mark.parametrize("answer", [None, 1, "no", [True]], ids=repr)
async def test_an_answer_that_is_no_yes_and_no_no_sends_nothing(
    redis_server: EmbeddedRedis, prefix: str, world: World, answer: Any
) -> None:
    vague = new_producer(redis_server, prefix, consent=lambda *_: answer)
    with pytest.raises(EnqueueFailed, match="the consent callback raised TypeError"):
        vague.enqueue("event-api", account="1", event=event("y@example.com"))
    assert not (await world.picture()).batches


def test_a_coroutine_is_not_taken_for_yes(redis_server: EmbeddedRedis, prefix: str) -> None:
    with pytest.raises(ConfigurationError, match="the consent callback must not be a coroutine function"):
        new_producer(redis_server, prefix, consent=yes_later)
