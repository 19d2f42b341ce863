"""Events of several slots leave in one write: one round trip, and an honest word for each slot where it fails."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from redis.exceptions import ResponseError

from producers import EnqueueFailed, Fate, Producer
from producers.accepted import EventId, Told
from producers.appender import append_each
from producers.connection.deadline_socket import DeadlineSocket
from producers.connection.replies import Replies
from producers.destinations import DESTINATIONS
from producers.keys import Slot
from producers.preparer import Made
from producers.settings import BufferSettings, SpoolSettings
from producers.withholding import WithholdingAppender
from tests.integration.support import eventually
from tests.producers.conftest import CAPS, new_producer
from tests.producers.support import EVENT, frozen, warm_shop
from worker.connection.client import sync_redis
from worker.stack.redis_server import EmbeddedRedis

SIGNAL = {"eventType": "SignalViewed", "parentGuid": "g", "clientUniqueId": "c", "metadata": []}


def lines(count: int) -> list[dict[str, Any]]:
    """Conversions and signals in turns: two slots."""
    return [
        {"destination": "server-events", "account": "1", "event": SIGNAL | {"sessionId": f"s{number}"}}
        if number % 2
        else {"destination": "event-api", "account": "1", "event": EVENT}
        for number in range(count)
    ]


def ledger(server: EmbeddedRedis, prefix: str, destination: str) -> int:
    redis = sync_redis(server.url)
    with closing(redis):
        return int(redis.hget(Slot(prefix, destination, 0).key("ledger"), "accepted") or 0)


def test_a_call_for_two_slots_is_one_write(producer: Producer, monkeypatch: pytest.MonkeyPatch) -> None:
    producer.enqueue_many(lines(2))
    writes: list[int] = []
    send = DeadlineSocket.send

    def noted(sock: DeadlineSocket, data: bytes) -> None:
        writes.append(data.count(b"EVALSHA"))
        send(sock, data)

    monkeypatch.setattr(DeadlineSocket, "send", noted)
    assert [type(result.id) for result in producer.enqueue_many(lines(20))] == [EventId] * 20
    assert writes == [2]


def test_a_redis_that_forgot_the_script_gets_its_text_once(
    redis_server: EmbeddedRedis, prefix: str, producer: Producer
) -> None:
    producer.enqueue_many(lines(2))
    redis = sync_redis(redis_server.url)
    with closing(redis):
        redis.script_flush()
    assert all(result.error is None for result in producer.enqueue_many(lines(20)))
    assert [ledger(redis_server, prefix, name) for name in ("event-api", "server-events")] == [11, 11]


def test_what_one_slot_refuses_the_other_takes(redis_server: EmbeddedRedis, prefix: str) -> None:
    caps = dict.fromkeys(DESTINATIONS, CAPS) | {"event-api": CAPS.__class__(100, 1_000_000, max_buffered_events=1)}
    buffer = BufferSettings(redis_server.url, prefix, enqueue_budget_ms=5_000)
    with closing(Producer(buffer, caps)) as producer:
        producer.enqueue("event-api", account="1", event=EVENT)
        refused, taken = producer.enqueue_many(lines(2))
        assert isinstance(refused.error, EnqueueFailed)
        assert not refused.error.maybe_accepted
        assert refused.error.id == refused.id
        assert taken.error is None
        assert all(result.error is None for result in producer.enqueue_many(lines(2)[1:]))  # on the same connection


def test_a_redis_that_hangs_may_have_taken_all_that_left(own_redis: EmbeddedRedis, prefix: str) -> None:
    with warm_shop(own_redis.url, prefix) as producer, frozen(own_redis):
        results = producer.enqueue_many(lines(4))
    errors = [result.error for result in results]
    assert [(type(error), getattr(error, "maybe_accepted", None)) for error in errors] == [(EnqueueFailed, True)] * 4
    assert len({result.id for result in results}) == 4


@pytest.mark.parametrize("step", [1, 3, 1_000])
def test_answers_are_read_however_they_arrive(step: int) -> None:
    said = b":12\r\n$-1\r\n$4\r\na\r\nb\r\n+OK\r\n*3\r\n:1\r\n$0\r\n\r\n*0\r\n-FULL 3 wait\r\n:-5\r\n"

    class Pieces:
        at = 0

        def recv(self, _size: int) -> bytes:
            self.at += step
            return said[self.at - step : self.at]

    pieces: Any = Pieces()
    replies = Replies(pieces)
    answers = [replies.next() for _ in range(7)]
    error = answers.pop(5)
    assert answers == [12, None, b"a\r\nb", b"OK", [1, b"", []], -5]
    assert (type(error), str(error)) == (ResponseError, "FULL 3 wait")


def test_what_no_slot_takes_lies_in_the_spool(own_redis: EmbeddedRedis, prefix: str, tmp_path: Path) -> None:
    """And is in Redis later, once, though Redis may have taken what left."""
    buffer, spool = BufferSettings(own_redis.url, prefix), SpoolSettings(str(tmp_path / "spool"))
    fates: list[Fate | None] = []

    def enqueue(count: int) -> list[Fate | None]:
        told = [result.fate for result in producer.enqueue_many(lines(count))]
        fates.extend(told)
        return told

    with closing(Producer(buffer, dict.fromkeys(DESTINATIONS, CAPS), spool=spool)) as producer:
        eventually(lambda: enqueue(2) == [Fate.BUFFERED] * 2)
        with frozen(own_redis):
            assert enqueue(6) == [Fate.SPOOLED] * 6
        all_of_a_slot = len(fates) // 2
        for name in ("event-api", "server-events"):
            eventually(lambda name=name: ledger(own_redis, prefix, name) >= all_of_a_slot)  # type: ignore[misc]
            assert ledger(own_redis, prefix, name) == all_of_a_slot


class Failing:
    """An appender that knows only one slot a call, and fails at the second."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.withheld: list[str] = []

    def slot_of(self, made: Made) -> Slot:
        return Slot("test", made.to.name, 0)

    def append(self, made: Sequence[Made]) -> list[Fate]:
        self.asked.append(made[0].to.name)
        if len(self.asked) == 2:
            raise EnqueueFailed("no answer", id="", maybe_accepted=True)
        return [Fate.BUFFERED] * len(made)

    def withhold(self, made: Sequence[Made]) -> None:
        self.withheld += [each.id for each in made]

    def close(self) -> None:
        """Nothing is open."""


def groups_of(producer: Producer, *names: str) -> list[list[Made]]:
    given = {line["destination"]: line for line in lines(2)}
    return [[producer.preparer.prepare_line(given[name])] for name in names]


def maybes(told: Sequence[Told]) -> list[bool | None]:
    return [each.maybe_accepted if isinstance(each, EnqueueFailed) else None for each in told]


def test_an_appender_of_one_slot_a_call_is_asked_until_it_fails(producer: Producer) -> None:
    failing = Failing()
    told = append_each(failing, groups_of(producer, "event-api", "server-events", "event-api"))
    assert failing.asked == ["event-api", "server-events"]
    assert maybes(told) == [None, True, False]


def test_what_is_withheld_keeps_its_place_among_the_slots(redis_server: EmbeddedRedis, prefix: str) -> None:
    asking = new_producer(redis_server, prefix, consent=lambda _to, _account, event: event.get("sessionId") != "s1")
    with closing(asking):
        assert isinstance(asking.appender, WithholdingAppender)
        fates = [result.fate for result in asking.enqueue_many(lines(6))]
    buffered = Fate.BUFFERED
    assert fates == [buffered, Fate.WITHHELD, buffered, buffered, buffered, buffered]
    assert ledger(redis_server, prefix, "server-events") == 3
