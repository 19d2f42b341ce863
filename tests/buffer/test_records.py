"""The record of a batch: what became of it and of each of its events, for as long as it is kept."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from producers.append import Entry
from producers.destinations import Whole
from producers.destinations.event_api import EVENT_API
from producers.destinations.outcomes import Delivered, Limited, Outcome, Reason, Rejected, Retry
from producers.keys import Slot
from producers.settings import BatchSettings, BufferSettings
from producers.stored_event import StoredEvent
from tests.buffer.support import World, known
from worker.buffer import tallies
from worker.buffer.batches import Batch, Bounds
from worker.delivery.attempt import Attempt
from worker.delivery.records import Spent, codes_of, known_by, recorded
from worker.delivery.settling import Next, settle
from worker.events.lookup import Found, Lookup

NO = (Reason("Bad", "no"),)
KEPT = Bounds(records_ms=60_000)


@pytest.fixture
def world(redis: object, prefix: str) -> World:
    """Batches of eight, whose records are kept for a minute."""
    return World(redis, Slot(prefix, "event-api", 0), cap_events=8, linger_ms=0, bounds=KEPT)


def event(number: int, account: str = "acme") -> Entry:
    payload = b'{"clientEventId":"%d","eventType":"conversion"}' % number
    stored = StoredEvent(1_000, 0, payload).encode()
    return known(Entry(account, "", "", 0, len(payload) + 1, stored), str(number), type="conversion")


async def answer(world: World, batch: Batch, outcome: Outcome, status: int, trace: str = "") -> None:
    """One attempt, as a delivery settles it."""
    stored = await world.read(batch)
    attempt = Attempt(batch, stored, EVENT_API.event_id, world.now, status, trace, requested=True)
    settlement = settle(attempt, range(len(stored)), outcome, (), Next(1_000))
    codes = codes_of(settlement, outcome)
    await world.settle(batch, recorded(EVENT_API, attempt, settlement, codes, Spent(0.25, 0.0, len(stored))))


async def found(world: World, number: int) -> Found:
    buffer = BufferSettings(key_prefix=world.slot.namespace)
    lookup = Lookup(world.redis, buffer, lambda _: BatchSettings(8, 1_000_000), world.now)
    (one,) = await lookup.find(str(number), "acme")
    return one


async def rejected_until_alone(world: World, bad: int, events: int = 8) -> None:
    """Requests that hold the bad one are refused; the others are taken."""
    while (claimed := await world.claim()).batches:
        for batch in claimed.batches:
            ids = {EVENT_API.id_in(stored[17:]) for stored in await world.read(batch)}
            if str(bad) in ids:
                await answer(world, batch, Rejected(NO), 400, f"refused-{len(ids)}")
            else:
                await answer(world, batch, Delivered(), 200, f"taken-{'-'.join(sorted(ids))}")
        world.later(1)
    assert events


def told(one: Found) -> list[tuple[int | None, str, int, str]]:
    return [(each.status, each.trace_id, each.events, each.outcome) for each in one.attempts]


async def test_a_delivered_event_tells_when_and_with_which_trace_id(world: World) -> None:
    await world.append(*map(event, range(3)))
    batch = await world.claim_one()
    world.later(250)
    await answer(world, batch, Delivered(), 200, "t-1")
    one = await found(world, 1)
    assert (one.state, one.opened, one.replayed) == ("delivered", batch.opened, False)
    assert told(one) == [(200, "t-1", 3, "delivered")]
    assert one.delivered is not None
    assert one.delivered.ended == world.now


async def test_a_batch_that_comes_back_keeps_one_record(world: World) -> None:
    await world.append(event(0))
    for status in (500, 502):
        await answer(world, await world.claim_one(), Retry((Reason("Broken", ""),)), status)
        one = await found(world, 0)
        assert (one.state, one.waits.due) == ("waiting", world.now + 1_000)
        world.later(1_000)
    await answer(world, await world.claim_one(), Delivered(), 200)
    one = await found(world, 0)
    assert [(each.number, each.status, each.codes) for each in one.attempts] == [
        *((1, 500, ("Broken",)), (2, 502, ("Broken",)), (3, 200, ()))
    ]
    assert len((await world.picture()).records) == 1


async def test_events_of_a_batch_that_was_split_each_tell_their_own_way(world: World) -> None:
    await world.append(*map(event, range(8)))
    await rejected_until_alone(world, bad=5)
    for number in range(8):
        one, (first, *rest) = await found(world, number), told(await found(world, number))
        assert first == (400, "refused-8", 8, "again")
        if number == 5:
            assert (one.state, [each.get("code") for each in one.reasons]) == ("dead", ["Bad"])
            assert rest == [(400, f"refused-{n}", n, "again" if n > 1 else "dead") for n in (4, 2, 1)]
        else:
            assert one.state == "delivered"
            assert str(number) in rest[-1][1].split("-")
            assert {each[3] for each in rest[:-1]} <= {"again"}


async def test_of_a_batch_that_went_three_ways_each_event_tells_its_own(world: World) -> None:
    await world.append(*map(event, range(6)))
    outcome = Delivered(refused={1: NO, 4: NO}, later=frozenset({2}), unclear=frozenset({5}))
    await answer(world, await world.claim_one(), outcome, 200, "mixed")
    states = [(await found(world, number)).state for number in range(6)]
    assert states == ["delivered", "dead", "waiting", "delivered", "dead", "waiting"]
    world.later(1_000)
    for batch in (await world.claim()).batches:
        await answer(world, batch, Delivered(), 200, "second")
    assert [each[1] for each in told(await found(world, 2))] == ["mixed", "second"]
    assert [each[1] for each in told(await found(world, 0))] == ["mixed"]


async def test_a_replayed_event_tells_its_earlier_life_too(world: World) -> None:
    await world.append(event(0), event(1))
    await answer(world, await world.claim_one(), Delivered(refused={1: NO}), 200, "first life")
    (number,) = (await world.picture()).letters
    await world.replay([number])
    batch = await world.claim_one()
    await answer(world, batch, Delivered(), 200, "second life")
    one = await found(world, 1)
    assert (one.state, one.replayed) == ("delivered", True)
    assert told(one) == [(200, "first life", 2, "dead"), (200, "second life", 1, "delivered")]


async def test_events_that_are_replayed_together_each_tell_their_own_lives(world: World) -> None:
    """However many they are, and however often they died before."""
    world.cap_events = 1
    await world.append(*map(event, range(30)))
    while (claimed := await world.claim()).batches:
        for batch in claimed.batches:
            (stored,) = await world.read(batch)
            await answer(world, batch, Delivered(refused={0: NO}), 200, f"first-{EVENT_API.id_in(stored[17:])}")
    world.cap_events = 30
    for life in ("second", "third"):
        await world.replay(list((await world.picture()).letters))
        refused = {place: NO for place in range(30) if life == "second"}
        await answer(world, await world.claim_one(), Delivered(refused=refused), 200, life)
    for number in (0, 25, 29):
        assert [each[1] for each in told(await found(world, number))] == [f"first-{number}", "second", "third"]


async def test_an_erasure_leaves_the_others_of_its_batch_their_way(world: World) -> None:
    """And nothing by which the one that was erased would be found in it."""
    await world.append(*map(event, range(6)))
    (owner,) = await world.erasing.owners((await world.picture()).batches)
    runs = await world.erasing.runs(owner.id, 0, 5, lambda stored: EVENT_API.id_in(stored[17:]) == "2")
    prints = [known_by(EVENT_API, Whole("acme"), event(number).stored) for number in range(6)]
    prints[2] = bytes(8)
    assert await world.erasing.erase(owner, runs, b"".join(prints)) == 1
    for batch in (await world.claim()).batches:
        await answer(world, batch, Delivered(), 200, "one" if batch.first == 0 else "other")
    assert [told(await found(world, number))[0][1] for number in (0, 1, 3, 4, 5)] == ["one"] * 2 + ["other"] * 3
    assert (await found(world, 2)).state not in ("delivered", "dead")


async def test_what_holds_a_waiting_event_is_told(world: World) -> None:
    await world.append(event(0))
    await answer(world, await world.claim_one(), Limited((Reason("TooMany", ""),)), 429)
    await world.holds.pause("acme", "because")
    one = await found(world, 0)
    assert {held.kind for held in one.waits.held_by} == {"paused", "limited"}
    assert "because" in {held.reason for held in one.waits.held_by}


async def test_records_end_by_themselves_and_none_is_kept_where_none_is_asked_for(world: World) -> None:
    await world.append(event(0))
    batch = await world.claim_one()
    await answer(world, batch, Delivered(), 200)
    assert 0 < await world.redis.pttl(world.slot.key("record", batch.id)) <= KEPT.records_ms
    world.bounds = Bounds()
    await world.append(event(1))
    await answer(world, await world.claim_one(), Delivered(), 200)
    assert len((await world.picture()).records) == 1
    assert (await found(world, 1)).state == ""


async def test_an_attempt_that_was_put_back_is_told_as_such(world: World) -> None:
    """What the worker thought of it is not what came of it."""
    world.cap_events = 1
    await world.append(*map(event, range(9)))
    ended: list[Any] = []
    while (claimed := await world.claim(1)).batches:  # until the account is parked
        (batch,) = claimed.batches
        stored = await world.read(batch)
        await answer(world, batch, Rejected(NO), 400)
        ended.append(EVENT_API.id_in(stored[0][17:]))
    letters = {letter["id"].decode() for letter in (await world.picture()).letters.values()}
    back = [number for number in ended if number not in letters]
    assert back
    assert {told(await found(world, int(number)))[0][3] for number in back} == {"again"}


def lua_bounds() -> Sequence[int]:
    text = Path(tallies.__file__).with_name("lua").joinpath("tally.lua").read_text("utf-8")
    return [int(bound) for bound in text.partition("DELIVERY_MS = {")[2].partition("}")[0].split(",")]


def test_the_script_and_the_worker_count_by_the_same_bounds() -> None:
    assert tuple(lua_bounds()) == tallies.DELIVERY_MS
