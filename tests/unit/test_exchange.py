"""The round trips of a delivery with its buffer, when Redis is away or changed its mind."""

from __future__ import annotations

import time

import pytest
from redis.exceptions import ResponseError

from tests.unit.fakes import FakeBuffer
from tests.unit.samples import batch, payload, stored
from worker.buffer.batches import Limits, Settled, Settlement
from worker.delivery.exchange import Exchange

LIMITS = Limits(60_000, 5, 2)
NONE = Limits(60_000, 0, 2)
EVENTS = [stored(payload("a"))]


def exchange(buffer: FakeBuffer, lease_s: float = 60) -> Exchange:
    return Exchange(buffer.as_buffer, lease_s, lambda _: None)


async def test_what_is_taken_comes_with_its_events_and_when_it_was_claimed() -> None:
    buffer = FakeBuffer((batch(1), EVENTS))
    (taken,) = await exchange(buffer).turn(LIMITS, patient=False)
    assert (taken.batch, taken.stored) == (batch(1), EVENTS)
    assert 0 < taken.claimed_at <= time.monotonic()


async def test_nothing_to_settle_and_no_room_is_no_round_trip() -> None:
    buffer = FakeBuffer()
    assert await exchange(buffer).turn(NONE, patient=True) == []
    assert buffer.claims == []


async def test_without_redis_an_idle_task_says_so() -> None:
    buffer = FakeBuffer()
    buffer.errors = [ConnectionError("away")]
    with pytest.raises(ConnectionError):
        await exchange(buffer).turn(LIMITS, patient=False)


async def test_without_redis_a_task_with_requests_under_way_goes_on() -> None:
    """Their answers must still be noted."""
    buffer = FakeBuffer((batch(1), EVENTS))
    buffer.errors = [ConnectionError("away")]
    assert await exchange(buffer).turn(LIMITS, patient=True) == []


async def test_a_settlement_waits_for_redis(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("worker.delivery.exchange.TRY_AGAIN_S", 0)
    buffer = FakeBuffer((batch(1), EVENTS))
    trips = exchange(buffer)
    await trips.turn(LIMITS, patient=False)
    trips.ended(batch(1), Settlement(1))
    buffer.errors = [ConnectionError(), OSError()]
    await trips.turn(NONE, patient=False)
    assert buffer.settled == {batch(1).id: Settlement(1)}
    assert not trips.unsettled


async def test_a_settlement_is_given_up_once_its_lease_is_over() -> None:
    """Another worker has the batch, or soon will: waiting longer could not end the task."""
    buffer = FakeBuffer((batch(1), EVENTS))
    trips = exchange(buffer, lease_s=-1)
    await trips.turn(LIMITS, patient=False)
    trips.ended(batch(1), Settlement(1))
    buffer.errors = [ConnectionError("away")]
    with pytest.raises(ConnectionError):
        await trips.turn(NONE, patient=False)
    assert not trips.unsettled


async def test_a_settlement_that_redis_refused_does_not_spoil_the_others() -> None:
    """A settle with an old token is a counted no-op; a malformed one is an error of its own batch."""
    first, second, third = batch(1, id="1-a"), batch(1, id="2-a"), batch(1, id="3-a")
    buffer = FakeBuffer()
    buffer.answers = {"1-a": Settled.STALE, "2-a": ResponseError("MALFORMED settle")}
    trips = exchange(buffer)
    for each in (first, second, third):
        trips.ended(each, Settlement(1))
    await trips.turn(NONE, patient=False)
    assert set(buffer.settled) == {"1-a", "2-a", "3-a"}
    assert not trips.unsettled


async def test_a_task_learns_whether_more_is_due() -> None:
    buffer = FakeBuffer((batch(1, id="1-a"), EVENTS), (batch(1, id="2-a"), EVENTS))
    trips = exchange(buffer)
    await trips.turn(Limits(60_000, 1, 1), patient=False)
    assert trips.due_in() <= 0
    await trips.turn(Limits(60_000, 1, 1), patient=False)
    assert trips.due_in() > 0
