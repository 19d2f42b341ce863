"""Claiming: only what is due, within the limits, each account in turn."""

from __future__ import annotations

from collections import Counter

from tests.buffer.support import World, event, events
from worker.buffer.batches import Settled, Settlement


async def test_an_empty_slot_has_nothing_to_claim(world: World) -> None:
    claimed = await world.claim()
    assert (claimed.batches, claimed.next_due, claimed.more_is_due) == ([], None, False)


async def test_a_claimed_batch_tells_all_about_itself(world: World) -> None:
    opened = world.now
    await world.append(event("1", order="o", kind="k", time=70), event("2", order="o", kind="k", time=50))
    world.later(world.linger_ms)
    batch = await world.claim_one()
    assert (batch.account, batch.order, batch.kind) == ("acme", "o", "k")
    assert (batch.events, batch.size, batch.oldest, batch.newest) == (2, 80, 50, 70)
    assert (batch.attempts, batch.opened, batch.first, batch.last) == (1, opened, 0, 1)
    assert await world.names(batch) == ["1", "2"]


async def test_only_what_is_due_is_claimed(world: World) -> None:
    await world.append(event("early", "one"))
    world.later(400)
    await world.append(event("late", "two"))
    world.later(600)
    claimed = await world.claim()
    assert [batch.account for batch in claimed.batches] == ["one"]
    assert claimed.next_due == world.now + 400
    world.later(400)
    assert [batch.account for batch in (await world.claim()).batches] == ["two"]


async def test_a_claim_of_nothing_takes_nothing_and_says_what_is_due(world: World) -> None:
    await world.append(*events(100))
    claimed = await world.claim(most=0)
    assert claimed.batches == []
    assert claimed.more_is_due
    assert (await world.picture()).ledger["in_flight"] == 0


async def test_a_claim_takes_at_most_what_it_may(world: World) -> None:
    world.cap_events = 1
    await world.append(*events(10))
    claimed = await world.claim(most=4)
    assert len(claimed.batches) == 4
    assert claimed.more_is_due
    assert len((await world.claim(most=100)).batches) == 6


async def test_at_most_so_many_batches_of_an_account_are_in_flight(world: World) -> None:
    world.cap_events, world.most_an_account = 1, 3
    await world.append(*events(10), *events(10, "other"))
    batches = (await world.claim()).batches
    assert Counter(batch.account for batch in batches) == {"acme": 3, "other": 3}
    assert (await world.claim()).batches == []
    await world.deliver(batches[0])
    assert [batch.account for batch in (await world.claim()).batches] == [batches[0].account]


async def test_a_full_account_is_due_again_when_its_first_lease_ends(world: World) -> None:
    """It costs no claim anything until then, since no claim meets it."""
    world.cap_events, world.most_an_account = 1, 2
    await world.append(*events(10))
    claimed = await world.claim()
    assert claimed.next_due == world.now + world.lease_ms
    assert not claimed.more_is_due


async def test_accounts_are_claimed_in_turn(world: World) -> None:
    world.cap_events = 1
    await world.append(*events(5, "a"), *events(5, "b"), *events(2, "c"))
    accounts = [batch.account for batch in (await world.claim(most=8)).batches]
    assert [sorted(accounts[at : at + 3]) for at in (0, 3)] == [["a", "b", "c"]] * 2
    assert sorted(accounts[6:]) == ["a", "b"]


async def test_a_thousand_batches_of_one_account_do_not_delay_the_one_of_another(world: World) -> None:
    """Whoever came first: the next claim of two hands out both, and one of one at a time does at the second."""
    world.cap_events = 1
    await world.append(*events(1_000, "aaa"))
    world.later(5_000)
    await world.append(event("alone", "zzz"))
    assert {batch.account for batch in (await world.claim(most=2)).batches} == {"aaa", "zzz"}


async def test_an_account_that_was_claimed_goes_behind_those_that_wait(world: World) -> None:
    world.cap_events = 1
    await world.append(*events(100, "aaa"))
    world.later(1_000)
    await world.append(event("alone", "zzz"))
    world.later(1)
    accounts = [(await world.claim_one()).account for _ in range(2)]
    assert accounts == ["aaa", "zzz"]


async def test_settling_does_not_bring_a_backlog_before_those_that_wait_longer(world: World) -> None:
    """A worker with room for one request settles and claims in turn: the backlog of one account must not be felt by
    another, so that one gets its turn before the backlog is gone."""
    world.cap_events = 1
    await world.append(*events(20, "backlog"))
    batch = await world.claim_one()
    world.later(1_000)
    await world.append(event("alone", "other"))
    claimed = []
    for _ in range(3):
        world.later(10)
        await world.deliver(batch)
        batch = await world.claim_one()
        claimed.append(batch.account)
    assert "other" in claimed


async def test_appending_does_not_bring_a_backlog_before_those_that_wait_longer(world: World) -> None:
    world.cap_events = 1
    await world.append(*events(20, "backlog"))
    world.later(1_000)
    await world.append(event("alone", "other"))
    claimed = []
    for number in range(3):
        world.later(10)
        claimed.append((await world.claim_one()).account)
        await world.append(event(f"more-{number}", "backlog"))
    assert "other" in claimed


async def test_an_account_that_is_full_does_not_take_the_turn_of_another(world: World) -> None:
    """Its requests are slow, and more is appended meanwhile: the claim of another's batch does not come back empty."""
    world.cap_events, world.most_an_account = 1, 2
    await world.append(*events(5, "slow"))
    await world.claim()
    world.later(1_000)
    await world.append(event("due", "other"))
    world.later(1)
    await world.append(event("more", "slow"))
    assert [batch.account for batch in (await world.claim(most=1)).batches] == ["other"]


async def test_the_claim_says_when_more_is_due(world: World) -> None:
    await world.append(event("1"))
    world.later(200)
    await world.append(event("2", "other"))
    assert (await world.claim()).next_due == world.now + world.linger_ms - 200


async def test_a_settlement_and_a_claim_travel_together(world: World) -> None:
    """What the settlement frees is there for the claim."""
    world.cap_events, world.most_an_account = 1, 1
    await world.append(*events(2, order="o"))
    first = await world.claim_one()
    settled, claimed = await world.settle_and_claim([(first, Settlement(1))], 1)
    assert settled == [Settled.DONE]
    assert await world.names(claimed.batches[0]) == ["e1"]
