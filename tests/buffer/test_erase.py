"""Single events are taken out of batches that wait; all that stays keeps its place, its attempts and its times."""

from __future__ import annotations

import pytest

from tests.buffer.support import World, event, events, name_of, settlement, whole
from worker.buffer.batches import Batch, Verdict


async def claimed(world: World, order: str = "", count: int = 8) -> Batch:
    await world.append(*events(count, order=order))
    world.later(world.linger_ms)
    return await world.claim_one()


async def counts(world: World) -> dict[str, int]:
    return {state: count for state, count in (await world.picture()).ledger.items() if count and state != "accepted"}


@pytest.mark.parametrize(
    ("erased", "left"),
    [
        ("e0", [["e1", "e2", "e3", "e4"]]),
        ("e4", [["e0", "e1", "e2", "e3"]]),
        ("e2", [["e0", "e1"], ["e3", "e4"]]),
        ("e1 e3", [["e0"], ["e2"], ["e4"]]),
        ("e1 e2", [["e0"], ["e3", "e4"]]),
        ("e0 e1 e2 e3 e4", []),
    ],
)
@pytest.mark.parametrize("order", ["", "o"])
async def test_a_batch_is_split_around_what_is_taken_out(
    world: World, erased: str, left: list[list[str]], order: str
) -> None:
    await world.append(*events(5, order=order))
    assert await world.erase(*erased.split()) == len(erased.split())
    assert (await counts(world))["discarded"] == len(erased.split())
    delivered = await world.drain()
    assert (delivered if order else sorted(delivered)) == left


async def test_with_nothing_left_the_batch_goes_and_the_next_of_its_order_key_steps_forward(world: World) -> None:
    world.cap_events = 2
    await world.append(*events(5, order="o"))
    assert await world.erase("e0", "e1") == 2
    assert len((await world.picture()).due["acme"]) == 1
    assert await world.drain() == [["e2", "e3"], ["e4"]]


async def test_what_lies_in_the_middle_of_an_order_key_is_split_where_it_lies(world: World) -> None:
    """While the head is in flight, nothing behind it may be claimed."""
    world.cap_events = 3
    await world.append(*events(9, order="o"))
    head = await world.claim_one()
    assert await world.erase("e4") == 1
    assert (await world.claim()).batches == []
    assert await world.deliver(head)
    assert await world.drain() == [["e3"], ["e5"], ["e6", "e7", "e8"]]


async def test_an_open_batch_may_grow_after_it_was_read(world: World) -> None:
    await world.append(*events(3))
    (found,) = await world.found({"e0", "e2"}.__contains__)
    await world.append(event("later"), event("last"))
    assert await world.erase_from(*found) == 2
    assert sorted(await world.drain()) == [["e1"], ["later", "last"]]


async def test_an_open_batch_is_sealed_and_what_comes_opens_another(world: World) -> None:
    await world.append(*events(2, order="o"))
    assert await world.erase("e0") == 1
    await world.append(event("new", order="o"))
    assert await counts(world) == {"discarded": 1, "ready": 1, "open": 1}
    assert await world.drain() == [["e1"], ["new"]]


async def test_parts_keep_attempts_times_and_the_delay_of_what_waits(world: World) -> None:
    batch = await claimed(world)
    await world.settle(batch, whole(batch, delay_ms=700))
    assert await world.erase("e3") == 1
    assert await counts(world) == {"discarded": 1, "waiting": 7}
    assert (await world.claim()).next_due == world.now + 700
    world.later(700)
    parts = (await world.claim()).batches
    assert [part.events for part in parts] in ([3, 4], [4, 3])
    for part in parts:
        assert (part.attempts, part.opened, part.tried_for) == (2, batch.opened, 700)


async def test_parts_of_what_was_split_after_a_refusal_keep_its_proof(world: World) -> None:
    """`root` is of the batch that was first refused."""
    batch = await claimed(world)
    halves = settlement(batch, await world.read(batch), "aaaabbbb", -1)
    await world.settle(batch, halves._replace(verdict=Verdict.REFUSED, renewed=True))
    ids = (await world.picture()).batches
    roots = {await world.redis.hget(world.slot.key("batch", id_), "root") for id_ in ids}
    assert await world.erase("e1", "e6") == 2
    ids = (await world.picture()).batches
    assert len(ids) == 4
    assert {await world.redis.hget(world.slot.key("batch", id_), "root") for id_ in ids} == roots != {None}


async def test_parts_of_parts_share_the_first_list_and_the_last_one_frees_it(world: World) -> None:
    batch = await claimed(world, order="o")
    await world.settle(batch, settlement(batch, await world.read(batch), "aaaabbbb"))
    assert await world.erase("e1") == 1
    assert await world.erase("e6") == 1
    assert len((await world.picture()).lists) == 1
    assert await world.drain() == [["e0"], ["e2", "e3"], ["e4", "e5"], ["e7"]]
    picture = await world.picture()
    assert not picture.lists
    assert not picture.owners


async def test_what_is_in_flight_is_left_alone(world: World) -> None:
    batch = await claimed(world)
    before = await world.picture()
    assert await world.erase("e0") == 0
    assert await world.picture() == before
    assert await world.deliver(batch)


@pytest.mark.parametrize("meanwhile", ["claimed", "delivered", "split", "erased"])
async def test_what_changed_since_it_was_read_is_left_alone(world: World, meanwhile: str) -> None:
    await world.append(*events(4))
    (found,) = await world.found({"e1"}.__contains__)
    world.later(world.linger_ms)
    if meanwhile == "erased":
        await world.erase("e1")
    else:
        batch = await world.claim_one()
        ends = {"delivered": "dddd", "split": "aabb"}.get(meanwhile)
        if ends:
            await world.settle(batch, settlement(batch, await world.read(batch), ends))
    before = await world.picture()
    assert await world.erase_from(*found) == 0
    assert await world.picture() == before


async def test_other_events_at_the_same_places_are_left_alone(world: World) -> None:
    """As after a failover, where Redis forgot the last events of a batch and was given others."""
    await world.append(*events(3))
    (found,) = await world.found({"e2"}.__contains__)
    (id_,) = (await world.picture()).batches
    other = event("e9")
    await world.redis.lset(world.slot.key("events", id_), 2, other.stored)
    assert await world.erase_from(*found) == 0
    assert await world.drain() == [["e0", "e1", "e9"]]


async def test_a_held_account_keeps_its_hold(world: World) -> None:
    await world.append(*events(4))
    await world.park("acme", "why")
    assert await world.erase("e0", "e2") == 2
    assert (await world.claim()).batches == []
    await world.holds.resume(["acme"])
    assert sorted([name for batch in await world.drain() for name in batch]) == ["e1", "e3"]


async def test_the_text_of_what_was_erased_is_gone_though_others_share_its_list(world: World) -> None:
    await world.append(*events(4))
    assert await world.erase("e1") == 1
    (stored,) = (await world.picture()).lists.values()
    assert [name_of(each) if each else "" for each in stored] == ["e0", "", "e2", "e3"]


async def test_the_text_of_what_was_delivered_is_blanked_where_others_share_its_list(world: World) -> None:
    batch = await claimed(world)
    await world.settle(batch, settlement(batch, await world.read(batch), "dabbdaax"))
    owners = await world.erasing.owners((await world.picture()).batches)
    runs = [run for place in (0, 4) for run in await world.runs(batch.id, place, place, lambda _: True)]
    assert await world.erasing.blank(batch.id, owners[1:], runs) == 0, "another may hold them"
    held = await world.runs(batch.id, 1, 1, lambda _: True)
    assert await world.erasing.blank(batch.id, owners, held) == 0, "it is held"
    assert await world.erasing.blank(batch.id, owners, runs) == 2
    await world.check()
    (stored,) = (await world.picture()).lists.values()
    assert [bool(each) for each in stored] == [False, True, True, True, False, True, True, True]


async def test_thousands_of_events_are_read_in_slices(world: World) -> None:
    """Neighbours in two slices are taken out together."""
    world.cap_events = 5_000
    await world.append(*events(1_203, size=40))
    gone = {f"e{number}" for number in (0, 498, 499, 500, 501, 1_202)}
    assert await world.erase(*gone) == len(gone)
    left = [name for batch in await world.drain() for name in batch]
    assert sorted(left) == sorted({f"e{number}" for number in range(1_203)} - gone)
