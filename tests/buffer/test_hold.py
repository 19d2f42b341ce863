"""A hold: nothing of an account is claimed until it ends or is released."""

from __future__ import annotations

import pytest

from producers.clock import now_ms
from producers.settings import BufferSettings
from tests.buffer.support import World, event, events, whole
from worker.operating.status import status


async def test_nothing_of_a_held_account_is_claimed_until_the_hold_ends(world: World) -> None:
    world.linger_ms = 0
    await world.append(*events(2), event("1", "other"))
    await world.hold("acme", 5_000)
    assert [batch.account for batch in (await world.claim()).batches] == ["other"]
    world.later(4_999)
    assert (await world.claim()).batches == []
    world.later(1)
    assert [batch.account for batch in (await world.claim()).batches] == ["acme"]


async def test_the_end_of_a_hold_is_when_the_account_is_due(world: World) -> None:
    world.linger_ms = 0
    await world.append(*events(2))
    await world.hold("acme", 5_000)
    assert (await world.claim()).next_due == world.now + 5_000


async def test_a_released_account_is_claimed_at_once(world: World) -> None:
    world.linger_ms = 0
    await world.append(*events(2))
    await world.hold("acme", 3_600_000)
    await world.hold("acme", 0)
    assert len((await world.claim()).batches) == 1


async def test_releasing_what_is_not_held_does_nothing(world: World) -> None:
    await world.append(*events(2))
    before = await world.picture()
    await world.hold("acme", 0)
    await world.hold("never seen", 0)
    assert await world.picture() == before


async def test_a_hold_that_is_set_again_ends_at_the_new_time(world: World) -> None:
    world.linger_ms = 0
    await world.append(event("1"))
    await world.hold("acme", 5_000)
    await world.hold("acme", 1_000)
    world.later(1_000)
    assert len((await world.claim()).batches) == 1


async def test_a_held_batch_goes_on_filling(world: World) -> None:
    """Only the cap, another kind or a claim seals."""
    await world.append(event("1"))
    await world.hold("acme", 60_000)
    for number in range(2, 6):
        world.later(10_000)
        await world.append(event(str(number)))
        assert (await world.claim()).batches == []
    world.later(20_000)
    assert await world.names(await world.claim_one()) == ["1", "2", "3", "4", "5"]


@pytest.mark.parametrize("order", ["", "o"])
async def test_appending_while_held_does_not_end_the_hold(world: World, order: str) -> None:
    world.cap_events = 2
    await world.hold("acme", 60_000)
    for number in range(5):
        await world.append(event(str(number), order=order))
        world.later(world.linger_ms)
        claimed = await world.claim()
        assert (claimed.batches, claimed.more_is_due) == ([], False)
    names = [name for batch in await world.drain() for name in batch]
    assert sorted(names) == ["0", "1", "2", "3", "4"]


async def test_what_is_in_flight_may_be_settled_while_held(world: World) -> None:
    world.linger_ms = 0
    await world.append(event("1", "a"), event("2", "b"), event("3", "c"))
    batches = {batch.account: batch for batch in (await world.claim()).batches}
    for account in batches:
        await world.hold(account, 5_000)
    assert await world.deliver(batches["a"])
    assert await world.settle(batches["b"], whole(batches["b"], refund=True))
    world.later(4_999)
    assert (await world.claim()).batches == []
    world.later(1)
    assert [batch.account for batch in (await world.claim()).batches] == ["b"]
    world.later(world.lease_ms)
    assert sorted(batch.account for batch in (await world.claim()).batches) == ["b", "c"]


async def test_a_lease_that_lapses_while_held_is_claimed_again_after_the_hold(world: World) -> None:
    world.linger_ms = 0
    await world.append(event("1"))
    await world.claim_one()
    await world.hold("acme", world.lease_ms * 3)
    world.later(world.lease_ms * 2)
    assert (await world.claim()).batches == []
    world.later(world.lease_ms)
    assert (await world.claim_one()).attempts == 2


async def test_holds_are_shown_with_their_reason_until_they_end(world: World) -> None:
    buffer = BufferSettings(key_prefix=world.slot.namespace)
    await world.append(event("1"))
    await world.hold("acme", 30_000, "credentials refused")
    (hold,) = (await status(world.redis, buffer))["event-api"]["holds"]
    assert (hold["account"], hold["reason"]) == ("acme", "credentials refused")
    assert 25 <= hold["ends_in_s"] <= 31
    await world.hold("acme", 0)
    assert (await status(world.redis, buffer))["event-api"]["holds"] == []


async def test_holds_that_ended_with_nothing_queued_do_not_hide_those_that_last(world: World) -> None:
    """No claim meets an account without events, so nothing tidies up after its hold."""
    world.checked = False
    world.now = now_ms() - 3_600_000
    for number in range(100):
        await world.hold(f"ended-{number}", 1_000, "limited")
    world.now = now_ms()
    await world.hold("lasting", 60_000, "paused")
    holds = (await status(world.redis, BufferSettings(key_prefix=world.slot.namespace)))["event-api"]["holds"]
    assert [hold["account"] for hold in holds] == ["lasting"]
