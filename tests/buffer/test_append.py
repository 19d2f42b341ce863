"""Appending: one open batch an order key, full at its caps, due after its linger."""

from __future__ import annotations

import pytest

from tests.buffer.support import World, event, events


async def test_events_of_one_account_share_one_open_batch(world: World) -> None:
    assert await world.append(*events(3)) == 3
    assert await world.append(event("later")) == 1
    (batch,) = (await world.picture()).batches.values()
    assert (batch.state, batch.events, batch.size) == ("open", 4, 160)


async def test_each_account_order_key_and_kind_has_batches_of_its_own(world: World) -> None:
    await world.append(event("1"), event("2", "other"), event("3", order="o"), event("4", order="p"), event("5"))
    batches = (await world.picture()).batches.values()
    assert {(batch.account, batch.order, batch.events) for batch in batches} == {
        ("acme", "", 2),
        ("other", "", 1),
        ("acme", "o", 1),
        ("acme", "p", 1),
    }


async def test_accounts_and_order_keys_that_look_alike_stay_apart(world: World) -> None:
    """`a:b` + `c` is not `a` + `b:c`, nor are names in braces, with NUL or beyond ASCII mixed up."""
    pairs = [
        ("a:b", "c"),
        ("a", "b:c"),
        ("a:1:b", "c"),
        ("{x}", "y"),
        ("x", "{y}"),
        ("a\0b", "c"),
        ("é", "ü"),
        ("3", "a:b"),
    ]
    await world.append(*(event(f"{account}/{order}", account, order) for account, order in pairs))
    batches = (await world.picture()).batches.values()
    assert {(batch.account, batch.order) for batch in batches} == set(pairs)
    assert {batch.events for batch in batches} == {1}
    assert len(await world.drain()) == len(pairs)


async def test_a_batch_is_sealed_by_the_event_that_fills_it(world: World) -> None:
    world.cap_events = 3
    await world.append(*events(2))
    assert [batch.state for batch in (await world.picture()).batches.values()] == ["open"]
    await world.append(event("third"))
    (batch,) = (await world.picture()).batches.values()
    assert (batch.state, batch.events, batch.due) == ("ready", 3, world.now)


async def test_the_event_after_a_full_batch_opens_the_next(world: World) -> None:
    world.cap_events = 3
    await world.append(*events(7))
    batches = sorted((await world.picture()).batches.values(), key=lambda batch: int(batch.id.partition("-")[0]))
    assert [(batch.state, batch.events) for batch in batches] == [("ready", 3), ("ready", 3), ("open", 1)]


@pytest.mark.parametrize(
    ("last", "sizes"),
    [(39, [99]), (40, [100]), (41, [60, 41])],
    ids=["one byte less than the cap", "the cap itself", "one byte more"],
)
async def test_the_cap_in_bytes_is_exact(world: World, last: int, sizes: list[int]) -> None:
    world.cap_bytes = 100
    await world.append(event("a", size=30), event("b", size=30))
    await world.append(event("c", size=last))
    batches = sorted((await world.picture()).batches.values(), key=lambda batch: -batch.size)
    assert [batch.size for batch in batches] == sorted(sizes, reverse=True)
    assert batches[0].state == ("open" if sizes == [99] else "ready")


async def test_an_event_larger_than_the_cap_goes_alone(world: World) -> None:
    world.cap_bytes = 100
    await world.append(event("a"), event("huge", size=5_000), event("b"))
    assert sorted(await world.drain()) == [["a"], ["b"], ["huge"]]


async def test_another_kind_seals_the_open_batch_of_its_order_key_only(world: World) -> None:
    await world.append(event("1", order="o", kind="include"), event("2", order="p", kind="include"))
    await world.append(event("3", order="o", kind="exclude"))
    batches = (await world.picture()).batches.values()
    assert {(batch.order, batch.kind, batch.state) for batch in batches} == {
        ("o", "include", "ready"),
        ("o", "exclude", "open"),
        ("p", "include", "open"),
    }


async def test_kinds_that_change_within_a_call_keep_their_order(world: World) -> None:
    await world.append(*(event(str(number), order="o", kind="xy"[number // 2 % 2]) for number in range(6)))
    assert await world.drain() == [["0", "1"], ["2", "3"], ["4", "5"]]


async def test_a_batch_lingers_before_it_is_due(world: World) -> None:
    await world.append(event("first"))
    world.later(world.linger_ms - 1)
    claimed = await world.claim()
    assert (claimed.batches, claimed.next_due) == ([], world.now + 1)
    world.later(1)
    assert await world.names(await world.claim_one()) == ["first"]


async def test_lingering_never_seals(world: World) -> None:
    """A batch that is due and not yet claimed goes on filling, up to its cap, and is due no later for it."""
    world.cap_events = 3
    await world.append(event("1"))
    world.later(world.linger_ms * 10)
    await world.append(event("2"))
    (batch,) = (await world.picture()).batches.values()
    assert (batch.state, batch.events, batch.due) == ("open", 2, batch.opened + world.linger_ms)
    await world.append(event("3"))
    assert await world.names(await world.claim_one()) == ["1", "2", "3"]


async def test_what_comes_after_the_claim_opens_the_next_batch(world: World) -> None:
    world.linger_ms = 0
    await world.append(event("1"))
    batch = await world.claim_one()
    await world.append(event("2"))
    assert await world.names(batch) == ["1"]
    assert await world.names(await world.claim_one()) == ["2"]


async def test_the_oldest_and_newest_event_time_are_kept(world: World) -> None:
    await world.append(event("1", time=500), event("2", time=900))
    await world.append(event("3", time=200), event("4", time=700))
    (batch,) = (await world.picture()).batches.values()
    assert (batch.oldest, batch.newest) == (200, 900)


async def test_one_call_takes_many_groups(world: World) -> None:
    count = 300
    assert await world.append(*(event(f"e{n}", f"account-{n}", order=f"o{n % 7}") for n in range(count))) == count
    assert len((await world.picture()).batches) == count


async def test_one_group_takes_4000_events(world: World) -> None:
    world.cap_events = 100_000
    assert await world.append(*events(4_000)) == 4_000
    (batch,) = (await world.picture()).batches.values()
    assert (batch.state, batch.events) == ("open", 4_000)


async def test_a_large_group_is_cut_into_full_batches_in_order(world: World) -> None:
    await world.append(*events(1_050, order="o"))
    delivered = await world.drain()
    assert [len(batch) for batch in delivered] == [100] * 10 + [50]
    assert [name for batch in delivered for name in batch] == [f"e{number}" for number in range(1_050)]


async def test_only_the_first_batch_of_an_order_key_can_be_claimed(world: World) -> None:
    world.cap_events, world.linger_ms = 2, 0
    await world.append(*events(5, order="o"))
    first = (await world.claim()).batches
    assert [await world.names(batch) for batch in first] == [["e0", "e1"]]
    assert (await world.claim()).batches == []
    await world.deliver(first[0])
    assert await world.names(await world.claim_one()) == ["e2", "e3"]


async def test_batch_ids_of_two_calls_have_different_epochs(world: World) -> None:
    """A Redis that came back older than it was cannot give one id out twice."""
    for number in range(5):
        await world.append(event(str(number), f"account-{number}"))
    ids = [id_.partition("-") for id_ in (await world.picture()).batches]
    assert sorted(int(number) for number, _, _ in ids) == [1, 2, 3, 4, 5]
    assert len({epoch for _, _, epoch in ids}) == 5
