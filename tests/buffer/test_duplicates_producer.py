"""What a shop sees that sends an event again: a retried request, a double click, a process that was killed."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from producers import Fate, InvalidEvent, Producer, effects
from producers.destinations import DESTINATIONS
from producers.settings import BatchSettings, BufferSettings
from tests.buffer.support import World
from worker.stack.redis_server import EmbeddedRedis

TIME = "2026-11-20T10:00:00.000Z"
SIGNAL = {"eventType": "SignalViewed", "sessionId": "s", "parentGuid": "p", "clientUniqueId": "u"}
EVENTS: dict[str, dict[str, Any]] = {
    "event-api": {"eventType": "conversion", "objectData": [{"name": "amount", "value": "1"}]},
    "server-events": SIGNAL,
    "audience": {"action": "include", "email": "jane@example.com"},
}
OTHERS: dict[str, list[dict[str, Any]]] = {
    "event-api": [{"eventType": "conversion"}, EVENTS["event-api"] | {"metaData": [{"name": "n", "value": "v"}]}],
    "server-events": [SIGNAL | {"sessionId": "t"}, SIGNAL | {"metadata": [{"name": "n", "value": "v"}]}],
    "audience": [
        {"action": "include", "email": "john@example.com"},
        {"action": "include", "email": "jane@example.com", "list": "other"},
    ],
}
OF_ANOTHER_TYPE: dict[str, dict[str, Any]] = {
    "event-api": EVENTS["event-api"] | {"eventType": "booking"},
    "server-events": SIGNAL | {"eventType": "SignalResponse"},
    "audience": {"action": "exclude", "email": "jane@example.com"},
}


def made(redis_server: EmbeddedRedis, prefix: str, window_s: int = 86_400) -> Producer:
    caps = BatchSettings(max_events=25, max_bytes=1_000_000, duplicates_window_s=window_s)
    return Producer(BufferSettings(redis_server.url, prefix), dict.fromkeys(DESTINATIONS, caps))


@pytest.fixture
def producer(redis_server: EmbeddedRedis, prefix: str) -> Iterator[Producer]:
    producer = made(redis_server, prefix)
    yield producer
    producer.close()


@pytest.fixture
def tick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every event is made a second after the one before."""
    from producers import clock

    ticks = iter(range(clock.now_ms(), 2**53, 1_000))
    monkeypatch.setattr("producers.preparer.now_ms", lambda: next(ticks))


@pytest.mark.usefixtures("tick")
@pytest.mark.parametrize("name", DESTINATIONS)
def test_an_event_that_is_sent_again_without_a_time_is_the_same(producer: Producer, name: str) -> None:
    """The time that was made for it at the first call is none of its content."""
    first, again = (producer.enqueue(name, account="1", event=EVENTS[name], id="mine") for _ in range(2))
    assert (first, first.fate, first.duplicate) == ("mine", Fate.BUFFERED, False)
    assert (again, again.fate, again.duplicate) == ("mine", Fate.DUPLICATE, True)


@pytest.mark.usefixtures("tick")
@pytest.mark.parametrize("name", DESTINATIONS)
def test_an_id_that_belongs_to_another_event_is_refused_by_its_field(producer: Producer, name: str) -> None:
    producer.enqueue(name, account="1", event=EVENTS[name], id="mine")
    for other in OTHERS[name]:
        with pytest.raises(InvalidEvent, match=r"^id: 'mine' was accepted before, with another content$"):
            producer.enqueue(name, account="1", event=other, id="mine")
    for account, event in (("2", EVENTS[name]), ("1", OF_ANOTHER_TYPE[name])):
        assert producer.enqueue(name, account=account, event=event, id="mine").fate is Fate.BUFFERED


def test_of_many_each_is_told_its_own_fate(producer: Producer) -> None:
    of_event: dict[str, Any] = {"destination": "event-api", "account": "1", "event": EVENTS["event-api"], "id": "a"}
    other = {**of_event, "account": "2"}
    lines = [of_event, other, {**of_event, "id": "b"}, of_event, {**other, "event": {"eventType": "conversion"}}]
    results = producer.enqueue_many(lines)
    assert [each.fate for each in results] == [*[Fate.BUFFERED] * 3, Fate.DUPLICATE, Fate.CONFLICT]
    assert [type(each.error) for each in results] == [*[type(None)] * 4, InvalidEvent]
    assert [each.fate for each in producer.enqueue_many(lines[:2])] == [Fate.DUPLICATE] * 2


def test_ids_that_were_made_here_are_never_duplicates(producer: Producer) -> None:
    fates = {producer.enqueue("event-api", account="1", event=EVENTS["event-api"]).fate for _ in range(3)}
    assert fates == {Fate.BUFFERED}


def test_an_id_that_was_made_here_is_known_when_it_is_sent_again(producer: Producer) -> None:
    """As after EnqueueFailed, which tells it."""
    event_id = producer.enqueue("event-api", account="1", event=EVENTS["event-api"])
    assert producer.enqueue("event-api", account="1", event=EVENTS["event-api"], id=str(event_id)).duplicate


def test_without_a_window_an_event_comes_as_often_as_it_is_sent(redis_server: EmbeddedRedis, prefix: str) -> None:
    producer = made(redis_server, prefix, window_s=0)
    fates = [producer.enqueue("event-api", account="1", event=EVENTS["event-api"], id="x").fate for _ in range(2)]
    producer.close()
    assert fates == [Fate.BUFFERED] * 2


def _killed_when_it_is_appended(url: str, prefix: str) -> None:
    def die(moment: str, name: str) -> None:
        if (moment, name) == ("after", "append"):
            os.kill(os.getpid(), signal.SIGKILL)

    effects.observer = die
    caps = BatchSettings(max_events=25, max_bytes=1_000_000)
    producer = Producer(BufferSettings(url, prefix), dict.fromkeys(DESTINATIONS, caps))
    producer.enqueue("event-api", account="1", event=EVENTS["event-api"], id="mine")


async def test_a_shop_that_is_killed_before_it_hears_the_answer_may_send_the_event_again(
    producer: Producer, redis_server: EmbeddedRedis, world: World
) -> None:
    """There is exactly one then."""
    target = multiprocessing.get_context("spawn")
    process = target.Process(target=_killed_when_it_is_appended, args=(redis_server.url, world.slot.namespace))
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    assert (await world.picture()).ledger["accepted"] == 1
    assert producer.enqueue("event-api", account="1", event=EVENTS["event-api"], id="mine").duplicate
    await world.check()
    assert (await world.picture()).ledger["accepted"] == 1
