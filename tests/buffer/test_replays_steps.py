"""A step of a replay is short and keeps what it came to, so that a replay goes on however its tasks end."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from typing import Any

import pytest

from producers.settings import BufferSettings
from tests.buffer.replaying import ANY, Running, dead, die, names, started, told
from tests.buffer.support import CODE, World
from worker import process
from worker.dead_letters import Filter
from worker.replay import Replays, choosing
from worker.replay.asking import Asking


async def turn(world: World, **options: Any) -> None:
    """One turn of a runner that ends with it, as with its task."""
    await Running(world, **options).runner().run(0.001)


async def field(world: World, replay: str, name: str) -> str:
    return str((await world.redis.hget(world.slot.key("replay", replay), name) or b"").decode())


async def test_a_replay_that_looks_for_one_letter_among_many_keeps_how_far_it_has_looked(
    world: World, replays: Replays, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However short the tasks are: each goes on behind the one before."""
    monkeypatch.setattr(choosing, "MOST", 100)
    await die(world, 450)
    replay = await started(replays, Filter(text=f"acme-{CODE}-440"))
    places = ["0/"]
    while await field(world, replay, "state") == "running":
        await turn(world)
        places.append(await field(world, replay, "at"))
        assert len(places) < 50
    assert len(set(places)) == 6, "a hundred letters a turn"
    assert await names(world) == [f"acme-{CODE}-440"]
    assert len(await dead(world)) == 449


async def test_a_runner_ends_between_two_steps_when_it_is_told(
    world: World, replays: Replays, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the midst of many letters of which it takes none, and without a cancel, which may be lost on its way."""
    monkeypatch.setattr(choosing, "MOST", 20)
    await die(world, 900)
    replay = await started(replays, Filter(text="nowhere"), seen=await replays.preview(ANY))
    runner = Running(world).runner()
    running = asyncio.create_task(runner.run(60))
    async with asyncio.timeout(10):
        while await field(world, replay, "at") == "0/":
            await asyncio.sleep(0)
    runner.end()
    await asyncio.wait_for(running, 5)
    assert await field(world, replay, "state") == "running"


async def test_a_task_ends_though_what_runs_in_it_lets_no_cancel_through(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "REPLAY_END_S", 0.05)
    monkeypatch.setattr(process, "LOOK_S", 0.05)
    over = asyncio.Event()

    async def stubborn() -> None:
        while not over.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await over.wait()

    running = asyncio.create_task(stubborn())
    await asyncio.sleep(0)
    await asyncio.wait_for(process.ended(running), 5)
    assert not running.done()
    over.set()
    await running


async def test_a_slow_shop_is_asked_once_about_each_letter_and_what_it_said_is_used(
    world: World, buffer: BufferSettings
) -> None:
    """Also where tasks end in the middle of a question."""
    await die(world, 12)
    replays = Replays(world.redis, buffer, consent=True, rate=100_000)
    replay = await started(replays)
    asked: list[str] = []

    def consent(_destination: str, _account: str, event: Any) -> bool:
        asked.append(event["n"])
        time.sleep(0.03)
        return True

    asking, turns = Asking(consent, wait_s=0.01), 0
    while await field(world, replay, "state") == "running":
        await turn(world, asking=asking)
        turns += 1
        assert turns < 1_000
    assert turns > 12
    assert sorted(asked) == sorted(await names(world)) == sorted(f"acme-{CODE}-{n}" for n in range(12))


async def test_a_shop_that_hangs_keeps_one_thread_and_its_letters_stay_undecided(
    world: World, buffer: BufferSettings
) -> None:
    await die(world, 3)
    replays = Replays(world.redis, buffer, consent=True, rate=100_000)
    replay = await started(replays)
    hangs, asked = threading.Event(), list[str]()

    def consent(_destination: str, _account: str, event: Any) -> bool:
        asked.append(event["n"])
        return hangs.wait(30)

    asking = Asking(consent, wait_s=0.01, limit_s=0.1)
    try:
        while await field(world, replay, "state") == "running":
            await turn(world, asking=asking)
            assert [each.name for each in threading.enumerate()].count("consent") <= 1
        assert await asyncio.to_thread(lambda: "the loop's own threads are free")
    finally:
        hangs.set()
    progress = await told(replays, replay)
    assert (len(asked), progress.moved, progress.undecided, progress.state) == (1, 0, 3, "done")


async def test_consent_counts_for_the_list_and_the_kind_of_change_too(world: World, buffer: BufferSettings) -> None:
    """An edit makes an exclude of an include between the question and the move."""
    await die(world, 1, order="a-list", kind="include")
    replays = Replays(world.redis, buffer, consent=True, rate=100_000)
    await started(replays)
    (number,) = (await world.picture()).letters
    key, asked = world.slot.key("letter", number), list[int]()

    def consent(*_: Any) -> bool:
        asked.append(1)
        return True

    class Edited(Asking):
        async def fates(self, *args: Any) -> Any:
            fates = await super().fates(*args)
            if len(asked) == 1:
                await world.redis.hset(key, "kind", "exclude")
            return fates

    await Running(world, asking=Edited(consent)).runner().run(10, until_idle=True)
    assert len(asked) == 2, "it is asked anew about what the letter is now"
    assert len(await names(world)) == 1


async def test_a_low_rate_is_kept_over_many_short_tasks(world: World, buffer: BufferSettings) -> None:
    await die(world, 5)
    replay = await started(Replays(world.redis, buffer), rate=0.1)
    for _ in range(4):
        await Running(world).runner().run(0.05)
    assert await field(world, replay, "moved") == "1"
    next_ms = float(await field(world, replay, "next"))
    await world.redis.hset(world.slot.key("replay", replay), "next", next_ms - 10_000)
    for _ in range(4):
        await Running(world).runner().run(0.05)
    assert await field(world, replay, "moved") == "2", "ten seconds later the next one goes"
