"""A lease: a worker's right to a batch, for a time. Workers may die at any moment."""

from __future__ import annotations

from tests.buffer.support import World, event, events, whole
from worker.buffer.batches import Settlement


async def test_a_claimed_batch_is_nobody_elses_while_its_lease_lasts(world: World) -> None:
    world.linger_ms = 0
    await world.append(event("1"))
    await world.claim_one()
    world.later(world.lease_ms - 1)
    claimed = await world.claim()
    assert (claimed.batches, claimed.next_due) == ([], world.now + 1)


async def test_after_its_lease_a_batch_is_claimed_again_with_a_new_token_and_one_attempt_more(world: World) -> None:
    world.linger_ms = 0
    await world.append(*events(2))
    first = await world.claim_one()
    world.later(world.lease_ms)
    second = await world.claim_one()
    assert second.token != first.token
    assert second == first._replace(attempts=2, tried_for=world.lease_ms, token=second.token)


async def test_a_worker_may_settle_late_as_long_as_nobody_else_was_given_the_batch(world: World) -> None:
    world.linger_ms = 0
    await world.append(event("1"))
    batch = await world.claim_one()
    world.later(world.lease_ms * 10)
    assert await world.deliver(batch)
    assert (await world.claim()).next_due is None


async def test_a_settle_with_an_old_token_changes_nothing_but_a_counter(world: World) -> None:
    world.linger_ms = 0
    await world.append(*events(3))
    old = await world.claim_one()
    world.later(world.lease_ms)
    new = await world.claim_one()
    before = await world.picture()
    for settlement in (Settlement(3), whole(old), whole(old, refund=True)):
        assert not await world.settle(old, settlement)
    after = await world.picture()
    assert after.fixed.pop("meta")[b"stale_settles"] == b"3"
    before.fixed.pop("meta")
    assert after == before
    assert await world.deliver(new)


async def test_a_batch_is_settled_only_once(world: World) -> None:
    world.linger_ms = 0
    await world.append(event("1"))
    batch = await world.claim_one()
    assert await world.deliver(batch)
    assert not await world.deliver(batch)
    assert (await world.picture()).ledger["delivered"] == 1


async def test_a_batch_that_was_given_back_cannot_be_settled_again_by_who_gave_it_back(world: World) -> None:
    world.linger_ms = 0
    await world.append(event("1"))
    batch = await world.claim_one()
    assert await world.settle(batch, whole(batch))
    assert not await world.deliver(batch)


async def test_lapsed_batches_go_first_even_if_the_account_is_full(world: World) -> None:
    world.cap_events, world.most_an_account = 1, 2
    await world.append(*events(5))
    lost = {batch.id for batch in (await world.claim()).batches}
    world.later(world.lease_ms)
    assert {batch.id for batch in (await world.claim()).batches} == lost


async def test_after_many_workers_died_with_every_slot_of_an_account_everything_is_claimed_in_the_end(
    world: World,
) -> None:
    world.cap_events, world.most_an_account, world.lease_ms = 1, 4, 1_000
    await world.append(*events(12), *events(12, order="o"), *events(3, "other"))
    for died in range(6):
        await world.claim(most=3 + died)
        world.later(700)
    names = [name for batch in await world.drain() for name in batch]
    assert sorted(names) == sorted(f"e{n}" for n in [*range(12), *range(12), *range(3)])
    assert (await world.picture()).ledger["delivered"] == 27


async def test_a_full_account_that_all_its_workers_left_does_not_need_another_event_to_go_on(world: World) -> None:
    world.cap_events, world.most_an_account = 1, 1
    await world.append(*events(2))
    claimed = await world.claim()
    assert claimed.next_due == world.now + world.lease_ms
    world.later(world.lease_ms)
    (again,) = (await world.claim()).batches
    assert again.id == claimed.batches[0].id
    await world.deliver(again)
    assert await world.deliver(await world.claim_one())


async def test_attempts_of_a_batch_that_kills_its_workers_are_counted(world: World) -> None:
    world.linger_ms = 0
    await world.append(event("deadly"))
    attempts = []
    for _ in range(5):
        attempts.append((await world.claim_one()).attempts)
        world.later(world.lease_ms)
    assert attempts == [1, 2, 3, 4, 5]
