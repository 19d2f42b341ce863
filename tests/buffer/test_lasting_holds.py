"""Parked and paused: nothing is claimed until somebody says so; and the limits that an API sets."""

from __future__ import annotations

import pytest

from producers.settings import BufferSettings
from tests.buffer.support import World, event, events, whole
from worker.buffer.batches import Batch, Limits, Settled, Settlement, Verdict
from worker.buffer.holds import EVERYTHING
from worker.operating.status import status


async def shown(world: World) -> dict[str, object]:
    return (await status(world.redis, BufferSettings(key_prefix=world.slot.namespace)))["event-api"]


async def refused(world: World, batch: Batch, credentials: str = "print-1") -> Settled:
    settlement = Settlement(0, again=whole(batch).again, refund=True, verdict=Verdict.PARKED, reason="401 Unauthorized")
    return await world.settle(batch, settlement._replace(credentials=credentials))


async def test_refused_credentials_park_the_account_and_spend_no_attempt(world: World) -> None:
    world.cap_events = 1
    await world.append(*events(4))
    first, second = (await world.claim(2)).batches
    assert await refused(world, first) == Settled.DONE | Settled.ACCOUNT_PARKED
    assert await refused(world, second) == Settled.DONE  # it is parked already
    assert (await world.claim()).batches == []
    told = await shown(world)
    assert (told["parked"], told["ready"]) == (4, 4)
    assert told["holds"] == [{"account": "acme", "kind": "parked", "reason": "401 Unauthorized", "ends_in_s": None}]
    assert await world.holds.resume(["acme"]) == 1
    assert (await world.claim_one()).attempts == 1
    assert (await shown(world))["parked"] == 0


async def test_what_comes_in_for_a_parked_account_fills_its_batches(world: World) -> None:
    await world.park("acme", "why")
    await world.append(*events(60))
    world.later(3_600_000)
    await world.append(*events(40))
    assert (await world.claim()).batches == []
    await world.holds.resume(["acme"])
    assert (await world.claim_one()).events == 100


async def test_only_other_credentials_than_those_refused_unpark_by_themselves(world: World) -> None:
    world.linger_ms = 0
    await world.append(event("1"))
    await refused(world, await world.claim_one(), "new")
    assert await world.holds.resume_those([("acme", "old")], "parked") == 0
    assert await world.holds.resume_those([("acme", "new")], "parked") == 1
    assert (await world.claim_one()).account == "acme"


@pytest.mark.parametrize("both", ["pause first", "park first"])
async def test_a_paused_account_stays_paused_when_it_is_unparked(world: World, both: str) -> None:
    world.linger_ms = 0
    await world.append(event("1"))
    for hold in ("pause", "park") if both == "pause first" else ("park", "pause"):
        await (world.holds.pause if hold == "pause" else world.park)("acme", "why")
    assert await world.holds.resume(["acme"], "parked") == 1
    assert (await world.claim()).batches == []
    assert await world.holds.resume(["acme"], "paused") == 1
    assert await world.holds.resume(["acme"]) == 0
    assert (await world.claim()).batches


async def test_a_limit_that_ends_does_not_unpark(world: World) -> None:
    world.linger_ms = 0
    await world.append(event("1"))
    await world.park("acme", "why")
    await world.hold("acme", 1_000)
    world.later(2_000)
    assert (await world.claim()).batches == []
    await world.hold("acme", 0)
    assert (await world.claim()).next_due is None


async def test_a_paused_destination_gives_nothing_and_takes_everything(world: World) -> None:
    world.linger_ms = 0
    await world.append(event("1", "a"))
    batch = await world.claim_one()
    await world.holds.pause(EVERYTHING, "maintenance")
    await world.append(event("2", "b"))
    claimed = await world.claim()
    assert (claimed.batches, claimed.next_due) == ([], None)
    await world.settle(batch, whole(batch))  # what is in flight is settled all the same
    assert (await shown(world))["holds"] == [
        {"account": None, "kind": "paused", "reason": "maintenance", "ends_in_s": None}
    ]
    assert await world.holds.resume([EVERYTHING]) == 1
    assert sorted(batch.account for batch in (await world.claim()).batches) == ["a", "b"]


async def limited(world: World, batch: Batch, hold_ms: int) -> Settled:
    again = whole(batch).again
    settlement = Settlement(0, again=again, refund=True, verdict=Verdict.LIMITED, hold_ms=hold_ms, reason="429")
    return await world.settle(batch, settlement)


async def test_a_limit_holds_the_account_for_its_time_and_spends_no_attempt(world: World) -> None:
    world.cap_events = 1
    await world.append(*events(5))
    await limited(world, await world.claim_one(), 2_000)
    claimed = await world.claim()
    assert (claimed.batches, claimed.next_due) == ([], world.now + 2_000)
    world.later(2_000)
    (batch,) = (await world.claim()).batches  # carefully: one at a time
    assert batch.attempts == 1


async def test_of_two_limits_the_longer_one_counts(world: World) -> None:
    world.cap_events = 1
    await world.append(*events(3))
    one, two = (await world.claim(2)).batches
    await limited(world, one, 5_000)
    await limited(world, two, 1_000)
    assert (await world.claim()).next_due == world.now + 5_000


async def test_limits_without_a_time_double_until_a_minute(world: World) -> None:
    world.linger_ms = 0
    await world.append(event("1"))
    waits = []
    for _ in range(8):
        await limited(world, await world.claim_one(), 0)
        next_due = (await world.claim()).next_due or 0
        waits.append(next_due - world.now)
        world.now = next_due
    assert waits == [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]


async def test_after_a_limit_the_account_begins_slowly_and_is_as_fast_after_twenty_requests(world: World) -> None:
    world.cap_events, world.most_an_account = 1, 8
    await world.append(*events(150))
    await limited(world, await world.claim_one(), 1_000)
    world.later(1_000)
    at_once, taken = [], 0
    while taken < 20:
        batches = (await world.claim()).batches
        at_once.append(len(batches))
        for batch in batches:
            await world.deliver(batch)
            taken += 1
    assert at_once == [1, 1, 1, 1, 1, 2, 2, 3, 4, 6]
    assert len((await world.claim()).batches) == 8


async def test_a_success_ends_the_doubling(world: World) -> None:
    world.linger_ms, world.cap_events = 0, 1
    await world.append(*events(9))
    for _ in range(3):
        await limited(world, await world.claim_one(), 0)
        world.later(60_000)
    await world.deliver(await world.claim_one())
    await limited(world, await world.claim_one(), 0)
    assert (await world.claim()).next_due == world.now + 1_000


async def test_a_burst_of_limits_counts_once(world: World) -> None:
    """Eight requests were under way, and all are told to slow down."""
    world.cap_events = 1
    await world.append(*events(9))
    for batch in (await world.claim(8)).batches:
        await limited(world, batch, 0)
    assert (await world.claim()).next_due == world.now + 1_000


@pytest.mark.parametrize("account", ["acme", EVERYTHING])
async def test_a_hold_without_a_reason_is_seen_and_ends(world: World, account: str) -> None:
    await world.append(event("1"))
    await world.holds.pause(account, "")
    holds = (await shown(world))["holds"]
    assert holds == [{"account": account or None, "kind": "paused", "reason": "", "ends_in_s": None}]
    assert [held.account async for held in world.holds.lasting()] == ([account] if account else [])
    assert await world.holds.resume([account]) == 1


async def test_one_limit_for_all_accounts_lets_a_careful_account_have_its_turn(world: World) -> None:
    """It may have one request in flight of its own, however many the others have; and nobody spins meanwhile."""
    world.cap_events, world.linger_ms = 1, 0
    limits = Limits(world.lease_ms, 8, 4, 0, together=True)
    await world.append(event("slow", "slow"))
    await limited(world, (await world.buffer.claim(limits)).batches[0], 1_000)
    await world.append(*events(20, "busy"), event("slow-2", "slow"))
    world.later(1_000)
    served = []
    for _ in range(3):
        claimed = await world.buffer.claim(limits)
        served += [batch.account for batch in claimed.batches]
        assert len(claimed.batches) <= 4
        full = await world.buffer.claim(limits)
        assert not full.batches
        assert (full.next_due or 0) > world.now
        for batch in claimed.batches:
            await world.deliver(batch)
    assert "slow" in served
