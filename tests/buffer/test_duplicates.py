"""An id of an account and event type is accepted once within its window, and whoever sends it again is told."""

from __future__ import annotations

import pytest
from redis.exceptions import ResponseError

from producers.accepted import Fate
from producers.append import Entry
from tests.buffer.ids_picture import counts_told
from tests.buffer.support import World, event, events, known, name_of, part
from worker.buffer.batches import Settlement, Verdict

NEW = (Fate.BUFFERED, "")
HALF_MS = 12 * 3_600_000
DAY_MS = 2 * HALF_MS


def one(name: str = "first", event_id: str = "id", *, content: str = "", account: str = "acme") -> Entry:
    """An event of its own name under an id."""
    return known(event(name, account), event_id, content=content)


async def lying(world: World) -> list[str]:
    """The names of all events in the buffer."""
    batches = (await world.picture()).batches.values()
    return sorted(name_of(stored) for batch in batches for stored in batch.stored)


async def first_batch(world: World) -> str:
    return next(iter((await world.picture()).batches))


async def test_the_same_event_comes_in_once_and_the_second_call_learns_its_batch(world: World) -> None:
    assert await world.offer(one()) == [NEW]
    assert await world.offer(one("again")) == [(Fate.DUPLICATE, await first_batch(world))]
    assert await lying(world) == ["first"]
    assert (await world.picture()).ledger["accepted"] == 1


async def test_a_call_of_nothing_new_writes_nothing(world: World) -> None:
    await world.offer(one())
    before = await world.picture()
    await world.offer(one(), one(content="other"))
    assert await world.picture() == before


async def test_within_one_call_the_first_of_an_id_counts(world: World) -> None:
    told = await world.offer(one("1"), one("2"), one("3", "another"), one("4", content="other"))
    batch = await first_batch(world)
    assert told == [NEW, (Fate.DUPLICATE, batch), NEW, (Fate.CONFLICT, batch)]
    assert await lying(world) == ["1", "3"]


async def test_another_content_under_an_id_is_told_and_not_added(world: World) -> None:
    await world.offer(one())
    assert await world.offer(one(content="other")) == [(Fate.CONFLICT, await first_batch(world))]
    assert await world.offer(one("again")) == [(Fate.DUPLICATE, await first_batch(world))], "the first one still counts"
    assert await lying(world) == ["first"]


async def test_ids_of_other_accounts_and_types_are_others(world: World) -> None:
    await world.offer(one())
    of_another_type = known(event("3"), "id", type="booking")
    assert await world.offer(one("2", account="other"), of_another_type, one("4", "Id")) == [NEW] * 3


async def test_an_id_is_known_for_its_window_and_no_longer_than_half_a_window_more(world: World) -> None:
    """Exactly: until the generation in which it came is the third before the one of now."""
    world.now = world.now // HALF_MS * HALF_MS + DAY_MS  # the first moment of a generation
    await world.offer(one())
    world.later(HALF_MS - 1)
    await world.offer(one("late", "late"))  # the last moment of it
    world.later(DAY_MS)
    assert [fate for fate, _ in await world.offer(one(), one(event_id="late"))] == [Fate.DUPLICATE] * 2
    world.later(1)
    assert await world.offer(one("again"), one("late again", "late")) == [NEW] * 2
    assert await lying(world) == ["again", "first", "late", "late again"]


@pytest.mark.parametrize("later_ms", [0, 1, HALF_MS, DAY_MS], ids=["at once", "1 ms", "half a window", "a window"])
async def test_within_the_window_an_id_is_known_wherever_in_a_generation_it_came(world: World, later_ms: int) -> None:
    for number in range(5):
        world.later(HALF_MS // 3)
        await world.offer(one(f"{number}", f"{number}"))
        world.later(later_ms)
        ((fate, _),) = await world.offer(one("again", f"{number}"))
        assert fate is Fate.DUPLICATE


async def test_without_a_window_no_id_is_noted_or_known(world: World) -> None:
    world.window_s = 0
    assert await world.offer(one(), one()) == [NEW] * 2
    assert await world.offer(one()) == [NEW]
    picture = await world.picture()
    assert not picture.ids
    assert not counts_told(picture)


async def test_a_window_that_is_changed_begins_anew_and_spoils_nothing(world: World) -> None:
    await world.offer(one())
    world.window_s = 3_600
    assert await world.offer(one("again")) == [NEW]
    assert [fate for fate, _ in await world.offer(one())] == [Fate.DUPLICATE]
    world.window_s = 86_400
    assert [fate for fate, _ in await world.offer(one())] == [Fate.DUPLICATE]


async def test_an_event_without_a_print_is_always_new(world: World) -> None:
    assert await world.append(event("a"), event("a")) == 2
    assert not (await world.picture()).ids


async def test_holes_in_a_group_leave_the_others_in_order_and_within_the_caps(world: World) -> None:
    world.cap_events, world.cap_bytes = 4, 150
    kinds = ["k" if n // 7 % 2 else "" for n in range(20)]
    some = [known(event(f"{n}", order="list", kind=kinds[n], size=30 + 10 * (n % 2))) for n in range(20)]
    await world.offer(*some[::3])
    told = await world.offer(*some)
    assert [fate is Fate.BUFFERED for fate, _ in told] == [n % 3 != 0 for n in range(20)]
    delivered = await world.drain()
    assert all(len(batch) <= 4 for batch in delivered)
    first, rest = [f"{n}" for n in range(0, 20, 3)], [f"{n}" for n in range(20) if n % 3]
    assert [name for batch in delivered for name in batch] == [*first, *rest]


async def test_a_call_of_several_groups_tells_each_event_its_own_fate(world: World) -> None:
    """Accounts, order keys and kinds are regrouped on the way."""
    mixed = [known(event(f"{n}", "ab"[n % 2], order="xy"[n // 2 % 2], kind="k" * (n % 3))) for n in range(24)]
    chosen = [1, 2, 7, 11, 12, 20]
    await world.offer(*(mixed[n] for n in chosen))
    told = await world.offer(*mixed)
    assert [n for n, (fate, _) in enumerate(told) if fate is Fate.DUPLICATE] == chosen
    batches = (await world.picture()).batches
    for n in chosen:
        assert f"{n}" in map(name_of, batches[told[n][1]].stored)


async def test_the_batch_of_an_id_is_told_after_it_was_sealed_split_and_settled(world: World) -> None:
    world.cap_events, world.linger_ms = 2, 0
    await world.offer(*map(known, events(5)))
    ids = sorted((await world.picture()).batches, key=lambda id_: int(id_.partition("-")[0]))
    wanted = [(Fate.DUPLICATE, ids[n // 2]) for n in range(5)]
    assert await world.offer(*map(known, events(5))) == wanted
    batch = await world.claim_one()
    stored = await world.read(batch)
    halves = part(batch, stored, 0, 0), part(batch, stored, 1, 1)
    await world.settle(batch, Settlement(0, (), halves, renewed=True, verdict=Verdict.REFUSED))
    assert await world.offer(*map(known, events(5))) == wanted
    await world.drain()
    assert await world.offer(*map(known, events(5))) == wanted


async def test_what_was_a_dead_letter_is_replayed_though_its_id_is_known(world: World) -> None:
    world.linger_ms = 0
    await world.offer(one())
    await world.kill(await world.claim_one())
    assert [fate for fate, _ in await world.offer(one())] == [Fate.DUPLICATE]
    assert await world.replay(sorted((await world.picture()).letters)) == 1
    assert await world.drain() == [["first"]]


async def test_a_duplicate_that_comes_to_a_full_buffer_is_refused_like_anything_else(world: World) -> None:
    await world.offer(one())
    world.full = {"max_buffered_events": 1}
    with pytest.raises(ResponseError, match="FULL"):
        await world.offer(one())
