"""How the index of accepted ids grows, packs and goes; and where `find` looks."""

from __future__ import annotations

from itertools import pairwise

import pytest

from producers.accepted import Fate
from producers.keys import Slot
from producers.settings import BatchSettings, BufferSettings
from tests.buffer.ids_picture import IDS_A_BUCKET, RECORD, ids_noted
from tests.buffer.support import World, event, known, settlement
from worker.events.lookup import Found, Lookup

HALF_MS = 12 * 3_600_000


def calls(count: int) -> list[tuple[int, int]]:
    """Of 400 events each."""
    return list(pairwise([*range(0, count, 400), count]))


@pytest.mark.parametrize("count", [IDS_A_BUCKET - 1, IDS_A_BUCKET, 7 * IDS_A_BUCKET + 5, 2_000])
async def test_however_many_ids_there_are_each_is_found_in_a_bucket_that_stays_small(world: World, count: int) -> None:
    world.checked = False
    for first, end in calls(count):
        told = await world.offer(*(known(event(f"{n}")) for n in range(first, end)))
        assert {fate for fate, _ in told} == {Fate.BUFFERED}
    world.checked = True
    await world.check()
    picture = await world.picture()
    (buckets,) = picture.ids.values()
    assert len(list(ids_noted(picture))) == count
    assert max(map(len, buckets.values())) <= 4 * IDS_A_BUCKET * RECORD
    assert len(buckets) <= count // IDS_A_BUCKET + 1
    told = await world.offer(*(known(event(f"{n}")) for n in range(0, count, 7)))
    assert {fate for fate, _ in told} == {Fate.DUPLICATE}


async def test_one_large_call_finds_its_own_ids_and_those_of_the_generations_before(world: World) -> None:
    """The table has its old size while a call looks, and grows many times over at its end."""
    await world.offer(*(known(event(f"{n}")) for n in range(3)))
    world.later(HALF_MS)
    told = await world.offer(*(known(event(f"{n}")) for n in [*range(1_000), *range(500, 1_000)]))
    fates = [fate for fate, _ in told]
    assert fates == [Fate.DUPLICATE] * 3 + [Fate.BUFFERED] * 997 + [Fate.DUPLICATE] * 500


async def test_what_nobody_asks_any_more_goes(world: World) -> None:
    """With the first id of the third generation after it, or by itself if no such comes."""
    await world.offer(*(known(event(f"{n}")) for n in range(200)))
    await world.offer(*(known(event(f"{n}")) for n in range(200, 300)))
    (name,) = (await world.picture()).ids
    first = int(name.partition(":")[2])
    assert await world.redis.execute_command("PEXPIRETIME", world.slot.key("ids", name)) == (first + 4) * HALF_MS
    for later in (1, 2, 3):
        world.later(HALF_MS)
        await world.offer(known(event(f"after {later}")))
    ids = (await world.picture()).ids
    assert sorted(int(each.partition(":")[2]) for each in ids) == [first + 1, first + 2, first + 3]


async def test_a_generation_that_was_lost_and_begins_anew_ends_by_itself_too(world: World) -> None:
    """Else it would stay for ever, if nothing comes in the generation that would remove it."""
    world.checked = False
    await world.offer(*(known(event(f"{n}")) for n in range(20)))
    (name,) = (await world.picture()).ids
    key = world.slot.key("ids", name)
    await world.redis.delete(key)
    await world.offer(known(event("another")))
    assert await world.redis.execute_command("PEXPIRETIME", key) == (int(name.partition(":")[2]) + 4) * HALF_MS


async def test_a_clock_that_is_set_back_makes_no_id_unknown(world: World) -> None:
    await world.offer(known(event("1")))
    world.later(HALF_MS)
    await world.offer(known(event("2")))
    world.later(-HALF_MS)
    told = await world.offer(*(known(event(each)) for each in "123"))
    assert [fate for fate, _ in told] == [Fate.DUPLICATE, Fate.DUPLICATE, Fate.BUFFERED]


async def test_after_a_clock_was_far_ahead_the_index_begins_anew(world: World) -> None:
    """Else what is noted would never be forgotten."""
    world.later(30 * HALF_MS)
    await world.offer(known(event("1")))
    world.later(-30 * HALF_MS)
    assert [fate for fate, _ in await world.offer(known(event("1")))] == [Fate.BUFFERED]
    world.checked = False  # the generation that is far ahead goes by itself
    assert [fate for fate, _ in await world.offer(known(event("1")))] == [Fate.DUPLICATE]


@pytest.fixture
def world(redis: object, prefix: str) -> World:
    """A shard of a destination whose ids are looked for by `find`, in batches of two."""
    return World(redis, Slot(prefix, "event-api", 0), cap_events=2, linger_ms=0)


async def found(world: World, event_id: str, account: str = "acme") -> list[Found]:
    buffer = BufferSettings(key_prefix=world.slot.namespace)
    lookup = Lookup(world.redis, buffer, lambda _: BatchSettings(2, 1_000_000), world.now)
    return await lookup.find(event_id, account)


async def test_find_tells_the_batch_of_an_id_and_follows_what_becomes_of_it(world: World) -> None:
    await world.append(*(known(event(f"{n}"), type="conversion") for n in range(3)))
    (first, second) = sorted((await world.picture()).batches.values(), key=lambda batch: -batch.events)
    (one,) = await found(world, "1")
    assert (one.destination, one.event_type, one.batch, one.state) == ("event-api", "conversion", first.id, "ready")
    assert (one.opened, one.since <= world.now < one.until) == (world.now, True)
    assert [(each.batch, each.state) for each in await found(world, "2")] == [(second.id, "open")]
    batch = await world.claim_one()
    assert [each.state for each in await found(world, "1")] == ["in_flight"]
    await world.kill(batch)
    (dead,) = await found(world, "1")
    letters = {letter["id"].decode(): number for number, letter in (await world.picture()).letters.items()}
    assert (dead.batch, dead.state, dead.opened, dead.letters) == (first.id, "dead", 0, (letters["1"],))
    await world.drain()
    assert [(each.state, each.letters) for each in await found(world, "2")] == [("", ())]


async def test_find_says_that_a_batch_was_split_while_a_part_of_it_waits(world: World) -> None:
    await world.append(*(known(event(f"{n}"), type="conversion") for n in range(2)))
    batch = await world.claim_one()
    stored = await world.read(batch)
    await world.settle(batch, settlement(batch, stored, "ab"))
    assert [each.state for each in await found(world, "0")] == ["parts"]
    await world.drain()
    assert [each.state for each in await found(world, "0")] == [""]


async def test_find_knows_nothing_of_other_accounts_types_and_older_windows(world: World) -> None:
    await world.append(known(event("1"), type="conversion"), known(event("2"), type="booking"))
    assert await found(world, "1", "other") == []
    assert await found(world, "2") == [], "a type that nobody would try"
    world.later(3 * HALF_MS)
    assert await found(world, "1") == []
