"""How the index of accepted ids grows, packs and goes; and where `find` looks."""

from __future__ import annotations

from itertools import pairwise

import pytest

from producers.accepted import Fate
from producers.keys import Slot
from producers.settings import BatchSettings, BufferSettings
from tests.buffer.ids_picture import IDS_A_HASH, ids_noted
from tests.buffer.support import World, event, known, settlement
from worker.events.lookup import Found, Lookup

HALF_MS = 12 * 3_600_000


def calls(count: int) -> list[tuple[int, int]]:
    """Of 400 events each."""
    return list(pairwise([*range(0, count, 400), count]))


@pytest.mark.parametrize("count", [IDS_A_HASH - 1, IDS_A_HASH, 7 * IDS_A_HASH + 5, 2_000])
async def test_however_many_ids_there_are_each_is_found_and_every_hash_stays_packed(world: World, count: int) -> None:
    """At 128 entries the strictest Redis stops packing them."""
    world.checked = False
    for first, end in calls(count):
        told = await world.offer(*(known(event(f"{n}")) for n in range(first, end)))
        assert {fate for fate, _ in told} == {Fate.BUFFERED}
    world.checked = True
    await world.check()
    picture = await world.picture()
    assert len(list(ids_noted(picture))) == count
    assert max(map(len, picture.ids.values())) < 128
    assert len(picture.ids) == count // IDS_A_HASH + 1
    encodings = {await world.redis.object("encoding", world.slot.key("ids", name)) for name in picture.ids}
    assert encodings == {b"listpack"}
    told = await world.offer(*(known(event(f"{n}")) for n in range(0, count, 7)))
    assert {fate for fate, _ in told} == {Fate.DUPLICATE}


async def test_what_nobody_asks_any_more_goes_by_itself(world: World) -> None:
    """Every key of a generation ends when it is the third before the one of now."""
    await world.offer(*(known(event(f"{n}")) for n in range(200)))
    await world.offer(*(known(event(f"{n}")) for n in range(200, 300)))
    picture = await world.picture()
    keys = [world.slot.key("ids", name) for name in picture.ids]
    (name,) = picture.noted
    keys.append(world.slot.key("noted", name))
    assert len(keys) == 300 // IDS_A_HASH + 2
    ends = {await world.redis.execute_command("PEXPIRETIME", key) for key in keys}
    assert ends == {(int(name.partition(":")[2]) + 3) * HALF_MS}


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
