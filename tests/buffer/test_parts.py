"""Some events of a batch are sent again: as batches of their own that share its list, in its place."""

from __future__ import annotations

import pytest

from tests.buffer.support import World, event, events, settlement
from worker.buffer.batches import Batch


async def claimed(world: World, order: str = "") -> Batch:
    await world.append(*events(8, order=order))
    world.later(world.linger_ms)
    return await world.claim_one()


async def split(world: World, batch: Batch, ends: str, delay_ms: int = 0) -> None:
    assert await world.settle(batch, settlement(batch, await world.read(batch), ends, delay_ms))


async def test_two_halves_share_the_list_and_each_is_sent_alone(world: World) -> None:
    batch = await claimed(world)
    await split(world, batch, "aaaabbbb")
    parts = (await world.picture()).batches.values()
    assert {(part.source, part.first, part.last, part.size) for part in parts} == {
        (batch.id, 0, 3, 160),
        (batch.id, 4, 7, 160),
    }
    assert sorted(await world.drain()) == [["e0", "e1", "e2", "e3"], ["e4", "e5", "e6", "e7"]]


async def test_parts_keep_the_attempts_spent_and_the_times(world: World) -> None:
    batch = await claimed(world)
    await split(world, batch, "aaaabbbb")
    for part in (await world.claim()).batches:
        assert (part.attempts, part.opened, part.oldest, part.newest) == (2, batch.opened, batch.oldest, batch.newest)


async def test_delivered_dead_and_again_may_lie_in_any_order(world: World) -> None:
    await split(world, await claimed(world), "daxxabdb")
    ledger = (await world.picture()).ledger
    assert (ledger["delivered"], ledger["dead"], ledger["ready"]) == (2, 2, 4)
    assert sorted(await world.drain()) == [["e1"], ["e4"], ["e5"], ["e7"]]


async def test_one_part_that_is_not_the_whole_is_a_batch_of_its_own(world: World) -> None:
    batch = await claimed(world)
    await split(world, batch, "ddaaaadd")
    (part,) = (await world.picture()).batches.values()
    assert part.id != batch.id
    assert await world.drain() == [["e2", "e3", "e4", "e5"]]


async def test_parts_are_due_after_their_delay(world: World) -> None:
    await split(world, await claimed(world), "aaaabbbb", delay_ms=300)
    claimed_now = await world.claim()
    assert (claimed_now.batches, claimed_now.next_due) == ([], world.now + 300)


async def test_parts_take_the_place_of_their_batch_at_the_head_of_its_order_key(world: World) -> None:
    batch = await claimed(world, order="o")
    await world.append(event("behind", order="o"))
    await split(world, batch, "aabbdaxb", delay_ms=50)
    assert await world.drain() == [["e0", "e1"], ["e2", "e3"], ["e5"], ["e7"], ["behind"]]


async def test_only_the_first_part_of_an_order_key_is_in_flight(world: World) -> None:
    await split(world, await claimed(world, order="o"), "aaaabbbb")
    assert len((await world.claim()).batches) == 1


@pytest.mark.parametrize("order", ["", "o"])
async def test_parts_of_parts_share_the_first_list_and_keep_the_order(world: World, order: str) -> None:
    await split(world, await claimed(world, order), "aaaabbbb")
    first = await world.claim_one()
    await split(world, first, "aabb")
    second = await world.claim_one()
    await split(world, second, "ab" if second.events == 2 else "aabb")
    sources = {part.source for part in (await world.picture()).batches.values()}
    assert len(sources) == 1
    delivered = await world.drain()
    names = [name for batch in delivered for name in batch]
    assert (names if order else sorted(names)) == [f"e{number}" for number in range(8)]


async def test_the_list_is_unlinked_with_its_last_owner_only(world: World) -> None:
    batch = await claimed(world)
    await split(world, batch, "aabbaabb")
    parts = (await world.claim()).batches
    assert len(parts) == 4
    await split(world, parts[0], "ab")
    for left, part in zip((4, 3, 2), parts[1:], strict=True):
        assert await world.deliver(part)
        assert (await world.picture()).owners == {batch.id: left}
    for part in (await world.claim()).batches:
        assert (await world.picture()).lists.keys() == {batch.id}
        assert await world.deliver(part)
    assert not (await world.picture()).lists
    assert not (await world.picture()).owners


async def test_a_part_that_dies_leaves_the_others_their_list(world: World) -> None:
    await split(world, await claimed(world), "aaaabbbb")
    dying = await world.claim_one()
    await world.kill(dying)
    assert [len(batch) for batch in await world.drain()] == [4]
    assert (await world.picture()).ledger["dead"] == 4


async def test_a_lease_of_a_part_ends_like_any_other(world: World) -> None:
    await split(world, await claimed(world, order="o"), "aaaabbbb")
    lost = await world.claim_one()
    world.later(world.lease_ms)
    again = await world.claim_one()
    assert (again.id, again.attempts) == (lost.id, 3)
    assert not await world.deliver(lost)
    assert (await world.claim()).batches == []
    assert await world.deliver(again)
    assert await world.drain() == [["e4", "e5", "e6", "e7"]]


async def test_one_bad_event_among_many_is_found_by_halving(world: World) -> None:
    """Every good one is delivered, the bad one alone is dead, and it takes 2⌈log₂ n⌉ + 1 requests."""
    count = 64
    await world.append(*events(count, order="o"))
    world.later(world.linger_ms)
    requests = 0
    while batches := (await world.claim()).batches:
        for batch in batches:
            requests += 1
            names, half = await world.names(batch), batch.events // 2
            if "e37" not in names:
                await world.deliver(batch)
            elif half:
                await split(world, batch, "a" * half + "b" * (batch.events - half))
            else:
                await world.kill(batch)
    ledger = (await world.picture()).ledger
    assert (ledger["delivered"], ledger["dead"], requests) == (count - 1, 1, 13)
