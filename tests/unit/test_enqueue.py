"""What a shop's code calls, with a stand-in for the connection: few calls, results in order, honest about failure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import pytest

from producers import EnqueueFailed, InvalidEvent, Producer
from producers.clock import now_ms, rfc3339
from producers.connection import Connection
from producers.connection.resp import Command
from producers.keys import LAYOUT, shard_of
from producers.many import CHUNK_BYTES, CHUNK_EVENTS
from producers.scripts import Script
from producers.settings import BatchSettings, BufferSettings
from tests.unit.samples import event, prepared

NEW = {"clientEventId": ..., "eventTime": ...}


class FakeConnection:
    """Notes the calls; fails after `fails_from` of them."""

    def __init__(self, fails_from: int = 10**9, *, maybe: bool = True) -> None:
        self.calls: list[list[bytes]] = []
        self._fails_from = fails_from
        self._maybe = maybe

    def deadline(self) -> float:
        return 0.0

    def agree(self, key: str, terms: str, event_id: str, deadline: float) -> str:
        assert key
        assert deadline is not None
        assert event_id is not None
        return terms

    def run_each(
        self, script: Script, commands: Sequence[Command], event_id: str, deadline: float
    ) -> list[int | EnqueueFailed]:
        assert deadline is not None
        assert script.text.startswith("#!lua")
        return [self._answer(command, event_id) for command in commands]

    def _answer(self, command: Command, event_id: str) -> int | EnqueueFailed:
        self.calls.append(words_of(command))
        if len(self.calls) > self._fails_from:
            return EnqueueFailed("no answer from Redis", id=event_id, maybe_accepted=self._maybe)
        return 1

    def close(self) -> None:
        """Nothing is open."""


def words_of(command: Command) -> list[bytes]:
    words, rest = [], command.written
    while rest:
        size, _, rest = rest.removeprefix(b"$").partition(b"\r\n")
        words.append(rest[: int(size)])
        rest = rest[int(size) + 2 :]
    assert len(words) == command.words
    return words


def producer(connection: FakeConnection, *, shards: int = 1, max_bytes: int = 1_000_000) -> Producer:
    batches = {"event-api": BatchSettings(max_events=100, max_bytes=max_bytes)}
    return Producer(BufferSettings(shards=shards), batches, cast("Connection", connection))


def line(account: str = "1", **fields: Any) -> dict[str, Any]:
    return {"destination": "event-api", "account": account, "event": event(**(NEW | fields))}


def test_an_event_is_one_call_and_gives_its_id() -> None:
    connection = FakeConnection()
    made = producer(connection).enqueue("event-api", account="1", event=event(clientEventId="e-1", eventTime=...))
    assert made == "e-1"
    assert len(connection.calls) == 1


def test_a_faulty_event_makes_no_call() -> None:
    connection = FakeConnection()
    with pytest.raises(InvalidEvent):
        producer(connection).enqueue("event-api", account="", event={"eventType": ""})
    assert not connection.calls


@pytest.mark.parametrize("name", ["event_api", "EVENT-API", "", None, 5, ["event-api"]])
def test_an_unknown_destination_is_a_fault_that_names_the_known_ones(name: Any) -> None:
    with pytest.raises(InvalidEvent, match="destination: must be one of event-api"):
        producer(FakeConnection()).enqueue(name, account="1", event=event())


def test_a_failure_carries_the_id_so_that_the_caller_can_try_again_under_it() -> None:
    with pytest.raises(EnqueueFailed) as failure:
        producer(FakeConnection(0)).enqueue("event-api", account="1", event=event(**NEW))
    assert len(failure.value.id) == 36
    assert failure.value.maybe_accepted


def test_checking_makes_no_call_and_gives_the_id() -> None:
    connection = FakeConnection()
    assert producer(connection).check(line(clientEventId="e-1")) == "e-1"
    with pytest.raises(InvalidEvent):
        producer(connection).check({"destination": "event-api"})
    assert not connection.calls


def test_results_stand_in_the_order_of_the_events_and_a_faulty_one_stops_none() -> None:
    lines = [line(clientEventId="a"), {"destination": "x"}, line(eventType=5), line(clientEventId="d")]
    results = producer(FakeConnection()).enqueue_many(lines)
    assert [result.id for result in results] == ["a", "", "", "d"]
    assert [type(result.error) for result in results] == [type(None), InvalidEvent, InvalidEvent, type(None)]


def test_many_events_travel_in_few_calls() -> None:
    connection = FakeConnection()
    results = producer(connection).enqueue_many(line(str(number % 7)) for number in range(CHUNK_EVENTS * 2 + 1))
    assert all(result.error is None for result in results)
    assert len({result.id for result in results}) == CHUNK_EVENTS * 2 + 1
    assert len(connection.calls) == 3


def test_a_call_does_not_grow_without_bound() -> None:
    """Large events travel in more calls: Redis stands still while a script runs."""
    connection = FakeConnection()
    big = [{"name": "a", "value": "v" * 60_000}]
    producer(connection).enqueue_many(line(objectData=big) for _ in range(40))
    assert len(connection.calls) == -(-40 * 60_000 // CHUNK_BYTES)


def test_each_account_goes_to_its_own_shard() -> None:
    connection = FakeConnection()
    producer(connection, shards=4).enqueue_many([line(account) for account in ("1", "2", "3", "1")])
    metas = {call[1].decode() for call in connection.calls}
    assert metas == {f"forwarder:{LAYOUT}:{{event-api.{shard_of(account, 4)}}}:meta" for account in ("1", "2", "3")}


def test_once_redis_failed_the_rest_is_not_tried_and_known_not_to_be_accepted() -> None:
    """The chunk whose answer was lost may have arrived; what was not sent has not."""
    connection = FakeConnection(1)
    results = producer(connection).enqueue_many(line() for _ in range(CHUNK_EVENTS * 3))
    assert len(connection.calls) == 2
    errors = [result.error for result in results]
    assert errors[:CHUNK_EVENTS] == [None] * CHUNK_EVENTS
    maybe = [error.maybe_accepted for error in errors if isinstance(error, EnqueueFailed)]
    assert maybe == [True] * CHUNK_EVENTS + [False] * CHUNK_EVENTS
    assert all(
        result.id and result.error.id == result.id for result in results if isinstance(result.error, EnqueueFailed)
    )


def test_an_event_that_no_request_can_hold_is_refused_at_once() -> None:
    """To the byte: one that just fits is taken."""
    empty = event(objectData=[{"name": "a", "value": ""}], metaData=..., eventTime=rfc3339(now_ms()))
    body = len(request_alone(empty))
    fits = event(objectData=[{"name": "a", "value": "v" * (5000 - body)}], metaData=..., eventTime=rfc3339(now_ms()))
    past = event(objectData=[{"name": "a", "value": "v" * (5001 - body)}], metaData=..., eventTime=rfc3339(now_ms()))
    small = producer(FakeConnection(), max_bytes=5000)
    small.enqueue("event-api", account="1", event=fits)
    with pytest.raises(InvalidEvent, match="5001 bytes alone; at most 5000"):
        small.enqueue("event-api", account="1", event=past)


def request_alone(whole: dict[str, Any]) -> bytes:
    """The body of a request with this event alone."""
    return b'{"accountId":"1","events":[%s]}' % prepared(whole, now=now_ms()).payload


def test_a_redis_that_cannot_be_named_is_refused_without_its_password() -> None:
    with pytest.raises(Exception, match="FORWARDER_REDIS_URL") as refusal:
        Producer.from_env({"FORWARDER_REDIS_URL": "http://user:s3cret@host"})
    assert "s3cret" not in str(refusal.value)


def test_making_a_producer_connects_to_nothing() -> None:
    """Web code makes it when it is imported."""
    Producer.from_env({"FORWARDER_REDIS_URL": "redis://192.0.2.1:1"}).close()
