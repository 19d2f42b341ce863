"""The circuit of a destination: open after failures in a row, half open with exactly one probe, closed by an answer."""

from __future__ import annotations

import pytest

from tests.buffer.support import World, event, whole
from worker.buffer.batches import Batch, Bounds, Claimed, Settled, Settlement, Verdict

FAILURES = 3


@pytest.fixture
def failing(world: World) -> World:
    """Twenty accounts with an event each; the circuit opens after three failures."""
    world.linger_ms, world.bounds = 0, Bounds(FAILURES, 5_000, 60_000)
    return world


async def fill(world: World) -> None:
    await world.append(*[event("e", f"account-{number}") for number in range(20)])


async def fail(world: World, batch: Batch) -> Settled:
    again = whole(batch, 60).again
    return await world.settle(batch, Settlement(0, again=again, verdict=Verdict.FAILED))


async def opened(world: World) -> None:
    """As many failures as it takes."""
    await fill(world)
    results = [await fail(world, batch) for batch in (await world.claim(FAILURES)).batches]
    assert results == [Settled.DONE, Settled.DONE, Settled.DONE | Settled.CIRCUIT_OPENED]


async def test_failures_in_a_row_over_all_accounts_open_it(failing: World) -> None:
    await opened(failing)
    claimed = await failing.claim()
    assert claimed == Claimed([], failing.now + 5_000, failing.now)


async def test_any_answer_of_the_api_ends_the_row(failing: World) -> None:
    await fill(failing)
    for verdict in (Verdict.TAKEN, Verdict.REFUSED, Verdict.LIMITED, Verdict.PARKED, Verdict.ANSWERED):
        first, second, third = (await failing.claim(3)).batches
        await fail(failing, first)
        await fail(failing, second)
        settlement = Settlement(0, again=whole(third, 1).again, verdict=verdict, hold_ms=1)
        assert not await failing.settle(third, settlement) & Settled.CIRCUIT_OPENED
        failing.later(100)
    assert (await failing.claim(1)).batches


async def test_what_told_nothing_neither_opens_nor_closes_it(failing: World) -> None:
    await fill(failing)
    batches = (await failing.claim(6)).batches
    for batch in batches[:2]:
        await fail(failing, batch)
    for batch in batches[2:5]:
        await failing.settle(batch, whole(batch, refund=True))
    assert await fail(failing, batches[5]) & Settled.CIRCUIT_OPENED


async def test_half_open_lets_exactly_one_probe_through(failing: World) -> None:
    await opened(failing)
    failing.later(4_999)
    assert (await failing.claim()).batches == []
    failing.later(1)
    (probe,) = (await failing.claim()).batches
    assert probe.probe == 1
    claimed = await failing.claim()
    assert (claimed.batches, claimed.next_due) == ([], failing.now + failing.lease_ms)


async def test_a_probe_that_is_answered_closes_it(failing: World) -> None:
    await opened(failing)
    failing.later(5_000)
    await failing.deliver(await failing.claim_one())
    batches = (await failing.claim()).batches
    assert len(batches) == 19
    assert not any(batch.probe for batch in batches)


async def test_each_probe_that_fails_doubles_the_delay_up_to_the_longest(failing: World) -> None:
    await opened(failing)
    waits = []
    for _ in range(6):
        failing.now = (await failing.claim(0)).next_due or 0
        await fail(failing, await failing.claim_one())
        waits.append(((await failing.claim(0)).next_due or 0) - failing.now)
    assert waits == [10_000, 20_000, 40_000, 60_000, 60_000, 60_000]


async def test_an_open_circuit_spends_no_attempts(failing: World) -> None:
    """Neither the probes', nor those of requests that were under way when it opened."""
    await fill(failing)
    batches = (await failing.claim(6)).batches
    for batch in batches:
        await fail(failing, batch)
    for _ in range(50):
        failing.later(60_000)
        await fail(failing, await failing.claim_one())
    failing.later(60_000)
    await failing.deliver(await failing.claim_one())
    attempts = [batch.attempts for batch in (await failing.claim()).batches]
    assert max(attempts) == 2
    assert sum(attempt == 2 for attempt in attempts) <= FAILURES


async def test_a_probe_that_dies_with_its_worker_is_freed_with_its_lease(failing: World) -> None:
    await opened(failing)
    failing.later(5_000)
    lost = await failing.claim_one()
    failing.later(failing.lease_ms - 1)
    assert (await failing.claim()).batches == []
    failing.later(1)
    (probe,) = (await failing.claim()).batches
    assert probe.probe == 1
    assert not await failing.settle(lost, whole(lost)) or probe.id != lost.id
    await failing.deliver(probe)
    assert len((await failing.claim()).batches) == 19


async def test_a_probe_that_was_not_sent_frees_its_place_at_once(failing: World) -> None:
    await opened(failing)
    failing.later(5_000)
    probe = await failing.claim_one()
    await failing.settle(probe, whole(probe, refund=True))
    assert (await failing.claim_one()).probe == 1


async def test_what_comes_in_meanwhile_waits(failing: World) -> None:
    await opened(failing)
    await failing.append(event("new", "new"))
    assert (await failing.claim()).batches == []
    failing.later(5_000)
    await failing.deliver(await failing.claim_one())
    assert "new" in [batch.account for batch in (await failing.claim()).batches]


async def test_without_a_number_of_failures_there_is_no_circuit(failing: World) -> None:
    failing.bounds = Bounds(0, 5_000, 60_000)
    await fill(failing)
    for batch in (await failing.claim()).batches:
        assert await fail(failing, batch) == Settled.DONE


async def test_a_batch_that_kills_its_workers_as_the_probe_does_not_bar_the_others(failing: World) -> None:
    """Its lapsed lease comes last as long as there is another one to probe with."""
    await failing.append(*[event(f"e{number}", "acme") for number in range(3)])
    failing.cap_events = 1
    await failing.append(*[event(f"e{number}", "acme", f"o{number}") for number in range(6)])
    for batch in (await failing.claim(FAILURES)).batches:
        await fail(failing, batch)
    failing.later(5_000)
    killer = await failing.claim_one()
    failing.later(failing.lease_ms)
    probe = await failing.claim_one()
    assert probe.id != killer.id
    await failing.deliver(probe)
    again = [batch for batch in (await failing.claim()).batches if batch.id == killer.id]
    assert [batch.attempts for batch in again] == [killer.attempts + 1]


async def test_what_did_not_reach_the_api_does_not_close_it(failing: World) -> None:
    await opened(failing)
    failing.later(5_000)
    probe = await failing.claim_one()
    parked = Settlement(0, again=whole(probe).again, refund=True, verdict=Verdict.PARKED, reason="none", reached=False)
    await failing.settle(probe, parked)
    (another,) = (await failing.claim()).batches
    assert another.probe == 1


async def test_a_request_whose_answer_was_lost_is_remembered_though_its_attempt_is_given_back(failing: World) -> None:
    """So that a 409 on its idempotency key is understood."""
    await fill(failing)
    batches = (await failing.claim(FAILURES + 1)).batches
    assert [batch.sent for batch in batches] == [0] * 4
    for batch in batches:
        await fail(failing, batch)
    failing.later(60_000)
    seen = {batches[3].id: -1}
    while seen[batches[3].id] < 0:
        probe = await failing.claim_one()
        seen[probe.id] = probe.sent
        await fail(failing, probe)
        failing.later(120_000)
    assert seen[batches[3].id] == 1
