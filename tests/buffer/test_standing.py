"""What an answer says of its account: how it goes on carefully, and when it is parked."""

from __future__ import annotations

import math
import random
from collections import Counter

import pytest

from producers.destinations.event_api import EVENT_API
from producers.destinations.outcomes import Delivered, Outcome, Reason, Rejected
from tests.buffer.support import World, event, events, name_of, whole
from worker.buffer.batches import Batch, Settled, Settlement, Verdict
from worker.delivery.attempt import Attempt
from worker.delivery.settling import Next, settle

REFUSAL = Reason("InvalidContent", "no")


class Api:
    """Refuses a request that holds a bad event, or every one; counts what it was asked."""

    def __init__(self, world: World, bad: set[str] | None) -> None:
        self._world, self._bad = world, bad
        self.requests = 0
        self.delivered: list[str] = []

    async def answer(self, batch: Batch) -> Settled:
        stored = await self._world.read(batch)
        names = [name_of(one) for one in stored]
        self.requests += 1
        refused = self._bad is None or bool(self._bad & set(names))
        outcome: Outcome = Rejected((REFUSAL,)) if refused else Delivered()
        attempt = Attempt(batch, stored, EVENT_API.event_id, self._world.now, 400, requested=True)
        settled = await self._world.settle(batch, settle(attempt, range(len(names)), outcome, (), Next(1_000)))
        self.delivered += [] if refused else names
        return settled

    async def run(self, most_requests: int = 1_000) -> None:
        """Until nothing can be claimed any more."""
        self._world.later(self._world.linger_ms)
        while batches := (await self._world.claim()).batches:
            assert self.requests < most_requests, "no end in sight"
            for batch in batches:
                await self.answer(batch)


async def hundred(world: World) -> None:
    await world.append(*events(100))


async def dead(world: World) -> list[str]:
    return sorted(letter["id"].decode() for letter in (await world.picture()).letters.values())


@pytest.mark.parametrize("place", range(0, 100, 9))
async def test_one_bad_event_among_100_costs_at_most_15_requests(world: World, place: int) -> None:
    await hundred(world)
    api = Api(world, {f"e{place}"})
    await api.run()
    assert api.requests <= 2 * math.ceil(math.log2(100)) + 1 == 15
    assert await dead(world) == [f"e{place}"]
    assert len(api.delivered) == len(set(api.delivered)) == 99


PLACES = [
    {0, 1, 2, 3, 4},
    {95, 96, 97, 98, 99},
    {0, 1, 2, 60, 80},
    {0, 1, 2, 30, 80},
    {0, 25, 50, 75, 99},
    *(set(random.Random(seed).sample(range(100), 5)) for seed in range(12)),
]


@pytest.mark.parametrize("places", PLACES, ids=lambda places: "-".join(map(str, sorted(places))))
async def test_five_bad_events_among_100_are_found_wherever_they_lie(world: World, places: set[int]) -> None:
    """Also three in a row, which look like a fault of every request until one succeeds."""
    await hundred(world)
    bad = {f"e{place}" for place in places}
    api = Api(world, bad)
    await api.run()
    assert await dead(world) == sorted(bad)
    assert sorted(api.delivered) == sorted({f"e{number}" for number in range(100)} - bad)


async def test_the_halves_of_a_session_keep_its_order(world: World) -> None:
    await world.append(*events(25, order="s"))
    await world.append(*events(25, account="other", order="s"))
    api = Api(world, {"e7", "e13"})
    await api.run()
    both = [name for name in (f"e{number}" for number in range(25)) if name not in ("e7", "e13")]
    assert Counter(api.delivered) == Counter(both * 2)


async def test_halves_keep_the_order_of_their_session(world: World) -> None:
    await world.append(*events(25, order="s"))
    api = Api(world, {"e7"})
    await api.run()
    assert api.delivered == [f"e{number}" for number in range(25) if number != 7]


@pytest.mark.parametrize("queued", [100, 700, 3])
@pytest.mark.parametrize("order", ["", "s"])
async def test_a_fault_of_every_request_parks_the_account(world: World, queued: int, order: str) -> None:
    """A wrong header or account id: a handful of requests, at most three dead letters, the rest is kept."""
    await world.append(*[event(f"e{number}", order=order and f"{order}{number % 7}") for number in range(queued)])
    world.later(world.linger_ms)
    api = Api(world, None)
    await api.run(20)
    picture = await world.picture()
    assert picture.ledger["dead"] <= 3
    assert picture.ledger["dead"] + picture.ledger["ready"] + picture.ledger["open"] == queued
    if queued > 3:
        assert "InvalidContent" in picture.hashes["acme"]["parked"]
        assert "acme" not in picture.accounts


async def test_many_sessions_of_one_event_in_flight_lose_no_more_than_three(world: World) -> None:
    """They were all under way when the first refusal came."""
    world.linger_ms, world.most_an_account = 0, 8
    await world.append(*[event(f"e{number}", order=f"s{number}") for number in range(40)])
    api = Api(world, None)
    await api.run(60)
    picture = await world.picture()
    assert picture.ledger["dead"] == 3
    assert picture.ledger["ready"] + picture.ledger["open"] == 37
    assert "parked" in picture.hashes["acme"]


async def test_after_a_refusal_the_account_has_one_request_in_flight_until_a_success(world: World) -> None:
    world.cap_events, world.most_an_account = 2, 8
    await world.append(*events(40))
    first, *others = (await world.claim()).batches
    for batch in others:
        await world.deliver(batch)
    await world.settle(first, Settlement(0, again=whole(first).again, verdict=Verdict.REFUSED))
    (only,) = (await world.claim()).batches
    assert (await world.claim()).batches == []
    await world.deliver(only)
    assert len((await world.claim()).batches) == 8


async def test_another_account_is_not_touched(world: World) -> None:
    world.cap_events = 1
    await world.append(*[event(f"e{number}", account) for account in ("bad", "good") for number in range(9)])
    while batches := (await world.claim()).batches:
        for batch in batches:
            bad = batch.account == "bad"
            await (Api(world, None).answer(batch) if bad else world.deliver(batch))
    picture = await world.picture()
    assert (picture.ledger["delivered"], picture.ledger["dead"]) == (9, 3)
    assert ["parked" in picture.hashes[account] for account in ("bad", "good")] == [True, False]


async def test_a_refusal_of_a_parked_account_buries_nothing(world: World) -> None:
    world.linger_ms = 0
    await world.append(event("1"))
    batch = await world.claim_one()
    await world.park("acme", "credentials refused")
    assert await Api(world, None).answer(batch) == Settled.DONE | Settled.PUT_BACK
    assert (await world.picture()).ledger["ready"] == 1


async def test_too_many_dead_letters_park_the_account(world: World) -> None:
    """Claiming more would only make more."""
    world.cap_events, world.bounds = 2, world.bounds._replace(most_dead=4)
    await world.append(*events(10))
    for batch in (await world.claim(3)).batches:
        assert await world.kill(batch)
    picture = await world.picture()
    assert picture.hashes["acme"]["parked"].startswith("DeadLettersFull: the account has 4 dead letters")
    assert (await world.claim()).batches == []
    assert picture.ledger["dead"] == 6  # those in flight were still buried


async def test_a_proof_of_bad_events_does_not_last_for_ever(world: World) -> None:
    """A fault of every request that begins while many parts wait parks the account, too."""
    world.most_an_account = 8
    await world.append(*events(800))
    api = Api(world, None)
    for batch in (await world.claim(8)).batches:
        await api.answer(batch)
    await world.deliver(await world.claim_one())
    await api.run(200)
    picture = await world.picture()
    assert "parked" in picture.hashes["acme"]
    assert picture.ledger["dead"] <= 30


async def test_a_batch_that_once_was_a_far_look_is_none_when_it_comes_again(world: World) -> None:
    """Four of them that are refused later are no sign of a fault of every request."""
    world.cap_events = 1
    await world.append(*events(40))
    api = Api(world, None)
    for _ in range(8):
        await api.answer(await world.claim_one())
        looked = await world.claim_one()
        await world.settle(looked, whole(looked, 600_000)._replace(verdict=Verdict.FAILED))
        await world.deliver(await world.claim_one())
    while batches := (await world.claim()).batches:
        for batch in batches:
            await world.deliver(batch)
    world.later(600_000)
    *again, last = (await world.claim()).batches
    assert len(again) == 7
    for batch in again:
        await api.answer(batch)
    assert "parked" not in (await world.picture()).hashes["acme"]
    assert await world.deliver(last)
