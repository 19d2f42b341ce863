"""A replay that Redis keeps: it goes on where it stands, whoever runs it, and takes little room beside what is live."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable
from itertools import count
from typing import Any

import pytest
from msgspec.structs import replace
from redis.exceptions import RedisError

from producers.clock import now_ms
from producers.destinations.event_api import EVENT_API
from producers.keys import Slot
from producers.settings import BufferSettings
from producers.stored_event import decode
from tests.buffer.replaying import ANY, ONE, Running, dead, die, fresh, names, started, told
from tests.buffer.support import CODE, World, event, events
from worker.buffer.batches import Batch, Part, Room, Settlement
from worker.dead_letters import Filter
from worker.dead_letters.finding import Finder
from worker.dead_letters.indexes import Found
from worker.dead_letters.letter import Letter
from worker.replay import Replays


async def test_the_chosen_ones_move_once_and_the_others_stay(world: World, replays: Replays) -> None:
    await die(world, 700)
    await die(world, 3, code="Other")
    replay = await started(replays, Filter(code=CODE), why="mended")
    await Running(world).to_the_end()
    assert Counter(await names(world)) == Counter(f"acme-{CODE}-{number}" for number in range(700))
    assert set(await dead(world)) == {f"acme-Other-{number}" for number in range(3)}
    progress = await told(replays, replay)
    assert (progress.state, progress.chosen, progress.moved, progress.why) == ("done", 700, 700, "mended")
    assert progress.ended


async def test_what_dies_while_it_runs_is_not_replayed_by_it(world: World, replays: Replays) -> None:
    """So a letter that dies again cannot go round and round."""
    await die(world, 5)
    await started(replays)
    await die(world, 2, code="Later")
    await Running(world).to_the_end()
    assert len(await names(world)) == 5
    for batch in (await world.claim()).batches:
        await world.kill(batch, "Again")
    await Running(world).to_the_end()
    assert await names(world) == []
    assert len(await dead(world)) == 7


async def test_four_runners_of_two_replays_of_the_same_letters_do_no_harm(world: World, replays: Replays) -> None:
    await die(world, 900)
    both = await asyncio.gather(started(replays), started(replays))
    await asyncio.gather(*(Running(world).runner().run(20, until_idle=True) for _ in range(4)))
    await Running(world).to_the_end()
    assert Counter(await names(world)).total() == len(set(await names(world))) == 900
    progresses = [await told(replays, replay) for replay in both]
    assert [each.state for each in progresses] == ["done", "done"]
    assert sum(each.moved for each in progresses) == 900


async def test_of_an_account_one_batch_is_on_its_way_and_the_next_comes_when_it_is_settled(
    world: World, replays: Replays
) -> None:
    """What is live never waits for more than that."""
    await die(world, 250)
    replay = await started(replays)
    running = Running(world, room=ONE)
    for moved in (100, 200, 250):
        await running.steps()
        assert (await told(replays, replay)).moved == moved
        (batch,) = (await world.claim()).batches
        await running.steps(0.1)
        assert (await told(replays, replay)).moved == moved, "it is in flight"
        await world.deliver(batch)
    await running.to_the_end()
    assert (await told(replays, replay)).state == "done"


async def test_a_replay_that_finds_no_room_at_first_begins_when_there_is_some(world: World, replays: Replays) -> None:
    await die(world, 300)
    first = await started(replays, limit=100)
    running = Running(world, room=ONE)
    await running.steps()
    second = await started(replays)
    await running.steps()
    assert [(await told(replays, each)).state for each in (first, second)] == ["done", "running"]
    while batches := (await world.claim()).batches:
        for batch in batches:
            await world.deliver(batch)
        await running.steps(0.1)
    progress = await told(replays, second)
    assert (progress.state, progress.moved) == ("done", 200)


async def test_a_batch_that_was_split_counts_until_its_last_part_is_settled(world: World, replays: Replays) -> None:
    await die(world, 150)
    replay = await started(replays)
    running = Running(world, room=ONE)
    await running.steps()
    batch = await world.claim_one()
    stored = await world.read(batch)
    size = sum(len(each) for each in stored)  # only its share matters
    assert size
    halves = [part_of(batch, 0, 49), part_of(batch, 50, 99)]
    await world.settle(batch, Settlement(0, again=tuple(halves)))
    for half in (await world.claim()).batches:
        await running.steps(0.1)
        assert (await told(replays, replay)).moved == 100
        await world.deliver(half)
    await running.to_the_end()
    assert (await told(replays, replay)).moved == 150


def part_of(batch: Batch, first: int, last: int) -> Part:
    return Part(batch.first + first, batch.first + last, batch.size // 2, 0)


async def test_in_a_slot_there_is_room_for_few_batches_whoever_they_are_of(world: World, replays: Replays) -> None:
    for account in "abcdef":
        await die(world, 3, account=account)
    replay = await started(replays)
    await Running(world, room=Room(1, 4)).steps()
    assert (await told(replays, replay)).moved == 12


async def test_letters_of_many_accounts_share_batches_by_account(world: World, replays: Replays) -> None:
    """Also where they died in turn."""
    world.cap_events = 1
    await world.append(*(fresh(event(f"{n}", account=f"a{n % 5}")) for n in range(50)))
    world.later(world.linger_ms)
    while batches := (await world.claim()).batches:
        for batch in batches:
            await world.kill(batch)
    await started(replays)
    await Running(world).to_the_end()
    assert sorted(batch.events for batch in (await world.picture()).batches.values()) == [10] * 5


@pytest.mark.parametrize("how", ["parked", "paused"])
async def test_an_account_that_is_held_until_it_is_resumed_blocks_no_other(
    world: World, replays: Replays, how: str
) -> None:
    """Its letters wait in line until then, however many they are."""
    await die(world, 250, account="held")
    await die(world, 250, account="other")
    await (world.park("held") if how == "parked" else world.holds.pause("held", "why"))
    replay = await started(replays)
    running = Running(world, room=ONE)
    await running.steps()
    assert Counter(name.partition("-")[0] for name in await names(world)) == {"held": 250, "other": 100}
    assert (await told(replays, replay)).moved == 350


async def test_an_account_that_is_limited_is_set_aside_and_comes_at_the_end(world: World, replays: Replays) -> None:
    await die(world, 50, account="limited")
    await die(world, 50, account="other")
    world.now = now_ms()
    await world.hold("limited", 60_000)
    replay = await started(replays)
    running = Running(world, room=ONE)
    await running.steps()
    assert {name.partition("-")[0] for name in await names(world)} == {"other"}
    assert (await told(replays, replay)).state == "running"
    world.now = now_ms()
    await world.hold("limited", 0)
    await running.to_the_end()
    assert len(set(await names(world))) == 100
    progress = await told(replays, replay)
    assert (progress.state, progress.moved) == ("done", 100)


async def test_a_paused_replay_rests_a_resumed_one_goes_on_and_a_cancelled_one_is_over(
    world: World, replays: Replays
) -> None:
    await die(world, 300)
    replay = await started(replays)
    running = Running(world, room=ONE)
    await running.steps()
    assert await replays.pause(replay)
    for batch in (await world.claim()).batches:
        await world.deliver(batch)
    await running.steps(0.1)
    progress = await told(replays, replay)
    assert (progress.state, progress.moved) == ("paused", 100)
    assert await replays.resume(replay)
    await running.steps()
    assert await replays.cancel(replay)
    await running.steps(0.1)
    progress = await told(replays, replay)
    assert (progress.state, progress.moved) == ("cancelled", 200)
    assert not await replays.resume(replay)
    assert not await replays.pause("r-nobody")
    assert len(await dead(world)) == 100
    assert [each.id for each in await replays.all()] == [replay]


async def test_what_is_too_old_stays_and_is_told_beforehand(world: World, replays: Replays) -> None:
    await die(world, 4)
    old = (await world.picture()).letters
    number = sorted(old)[1]
    await make_old(world, number)
    seen = await replays.preview(ANY)
    assert (seen.movable.total(), seen.expired.total()) == (3, 1)
    assert [row["expired"] for row in seen.rows()] == [1]
    replay = await started(replays)
    await Running(world).runner().run(5, until_idle=True)
    progress = await told(replays, replay)
    assert (progress.state, progress.chosen, progress.moved, progress.expired) == ("done", 3, 3, 1)
    assert list((await world.picture()).letters) == [number]


async def make_old(world: World, number: str) -> None:
    """Its event is of long ago, as far as its header and the index of times tell."""
    key = world.slot.key("letter", number)
    stored = decode(await world.redis.hget(key, "event"))
    long_ago = EVENT_API.window.earliest(now_ms()) - 1_000
    await world.redis.hset(key, "event", replace(stored, event_time=long_ago).encode())
    await world.redis.zadd(world.slot.key("dead_expires"), {number: long_ago})


async def test_a_limit_counts_letters_that_left_and_takes_the_oldest(world: World, replays: Replays) -> None:
    await die(world, 250)
    replay = await started(replays, limit=120)
    await Running(world).to_the_end()
    assert sorted(await names(world)) == sorted(f"acme-{CODE}-{number}" for number in range(120))
    progress = await told(replays, replay)
    assert (progress.state, progress.chosen, progress.moved, progress.limit) == ("done", 120, 120, 120)


async def test_a_limit_is_exact_over_several_slots(world: World) -> None:
    buffer = BufferSettings(key_prefix=world.slot.namespace, shards=2)
    other = World(world.redis, Slot(world.slot.namespace, "event-api", 1), checked=False)
    world.checked = False
    for each in (world, other):
        await each.append(*map(fresh, events(30)), shards=2)
        each.later(each.linger_ms)
        await each.kill(await each.claim_one())
    replays = Replays(world.redis, buffer, rate=10_000)
    replay = await started(replays, limit=40)
    for each in (world, other):
        await Running(each).runner().run(5, until_idle=True)
    progress = await told(replays, replay)
    assert (progress.state, progress.moved) == ("done", 40)
    assert sum([len(await dead(each)) for each in (world, other)]) == 20


async def test_letters_chosen_by_id_are_those_and_no_others(world: World, replays: Replays) -> None:
    await die(world, 20)
    some = [f"acme-{CODE}-{number}" for number in (3, 17)]
    replay = await started(replays, Filter(ids=[*some, "nobody"]))
    await Running(world).to_the_end()
    assert sorted(await names(world)) == sorted(some)
    progress = await told(replays, replay)
    assert (progress.state, progress.moved, progress.filter) == ("done", 2, {"ids": 3}), "ids may name a person"


async def test_a_letter_that_was_changed_since_it_was_read_is_read_again(
    world: World, replays: Replays, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Consent was asked for what it was."""
    await die(world, 2)
    await started(replays)
    asked: list[str] = []

    def consent(_destination: str, _account: str, told_of: Any) -> bool:
        asked.append(told_of["n"])
        return True

    runner = Running(world, consent=consent).runner()
    read = Letter.read
    stale = {"times": 1}

    def read_before_an_edit(*args: Any) -> Letter:
        letter = read(*args)
        if stale["times"]:
            stale["times"] -= 1
            return letter._replace(event=replace(letter.event, payload=letter.event.payload.replace(b"acme", b"evil")))
        return letter

    monkeypatch.setattr(Letter, "read", read_before_an_edit)
    await runner.run(5, until_idle=True)
    assert asked[0].startswith("evil")
    assert sorted(await names(world)) == [f"acme-{CODE}-0", f"acme-{CODE}-1"]
    assert {each for each in asked if each.startswith("acme")} == set(await names(world))


async def test_no_letter_is_skipped_when_redis_fails_while_they_are_read(
    world: World, replays: Replays, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was read ahead is lost with the error, and read again."""
    await die(world, 450)
    replay = await started(replays)
    read, calls = Finder.letters, count(1)

    async def failing(self: Finder, page: Iterable[Found]) -> list[Letter]:
        if next(calls) % 7 == 0:
            raise RedisError("away")
        return await read(self, page)

    monkeypatch.setattr(Finder, "letters", failing)
    await Running(world).to_the_end()
    assert sorted(await names(world)) == sorted(f"acme-{CODE}-{number}" for number in range(450))
    assert (await told(replays, replay)).moved == 450
    assert next(calls) > 7


async def test_what_two_replays_of_the_same_letters_tell_adds_up(world: World, replays: Replays) -> None:
    """What the other had moved before this one read it is gone too."""
    await die(world, 700)
    both = [await started(replays), await started(replays)]
    await Running(world).to_the_end()
    found = [await told(replays, each) for each in both]
    assert sum(each.moved for each in found) == 700
    for each in found:
        assert (each.state, each.chosen, each.moved + each.gone) == ("done", 700, 700)


async def test_a_preview_until_a_time_is_counted_and_no_letter_is_read(
    world: World, replays: Replays, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The console asks for what died until now; of a million letters that must not take a minute."""
    await die(world, 30)
    await die(world, 3, code="Other")
    latest = int((await world.redis.zrange(world.slot.key("dead"), -1, -1, withscores=True))[0][1])
    read = 0
    find = Finder.read

    async def counted(self: Finder, slot: Slot, numbers: Any) -> list[Letter]:
        nonlocal read
        read += len(numbers)
        return await find(self, slot, numbers)

    monkeypatch.setattr(Finder, "read", counted)
    for chosen, expected in (
        (Filter(until=latest + 1), 33),
        (Filter(until=latest + 1, code="Other"), 3),
        (Filter(until=latest - 10**9), 0),
        (Filter(since=latest + 1), 0),
        (Filter(since=latest - 10**9, code=CODE), 30),
    ):
        seen = await replays.preview(chosen)
        assert (seen.movable.total(), seen.shares.total()) == (expected, expected), chosen
    assert read == 0
