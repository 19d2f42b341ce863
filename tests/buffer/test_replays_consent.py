"""A replay asks for consent where it runs; when it is over, little is left of it."""

from __future__ import annotations

from typing import Any

from producers.clock import now_ms
from producers.settings import BufferSettings
from tests.buffer.replaying import ONE, Running, dead, die, started, told
from tests.buffer.support import World
from worker.dead_letters import Filter
from worker.replay import Replays


async def test_what_nobody_decides_on_stays_and_is_counted_and_what_is_forbidden_is_discarded(
    world: World, buffer: BufferSettings
) -> None:
    await die(world, 30)
    replays = Replays(world.redis, buffer, consent=True)

    def consent(_destination: str, _account: str, told_of: Any) -> bool:
        return bool({"0": True, "1": False}[told_of["n"][-1:]])

    replay = await started(replays)
    await Running(world, consent=consent).to_the_end()
    progress = await told(replays, replay)
    assert (progress.state, progress.moved, progress.withheld, progress.undecided) == ("done", 3, 3, 24)
    assert (await world.picture()).ledger["discarded"] == 3
    assert len(await dead(world)) == len(progress.unclear) == 24


async def test_who_wants_consent_gets_nothing_sent_where_nobody_can_be_asked(
    world: World, buffer: BufferSettings
) -> None:
    """A worker without the callback of the command that began it."""
    await die(world, 2)
    replays = Replays(world.redis, buffer, consent=True)
    replay = await started(replays)
    await Running(world).to_the_end()
    progress = await told(replays, replay)
    assert (progress.moved, progress.undecided) == (0, 2)


async def test_nothing_that_is_chosen_is_no_replay(world: World, replays: Replays) -> None:
    await die(world, 1)
    assert await replays.start(Filter(code="nobody's"), by="a test") is None
    assert await replays.all() == []


async def test_when_all_is_over_only_what_is_told_of_it_is_left_and_ends_by_itself(
    world: World, replays: Replays
) -> None:
    await die(world, 20)
    world.now = now_ms()
    await world.hold("acme", 60_000)
    replay = await started(replays, Filter(text="acme"))
    running = Running(world, room=ONE)
    await running.steps()
    world.now = now_ms()
    await world.hold("acme", 0)
    await running.to_the_end()
    for batch in (await world.claim()).batches:
        await world.deliver(batch)
    kinds = (await world.picture()).replays
    assert b"filter" not in kinds[f"replay:{replay}"], "its text may name a person"
    assert 0 < await world.redis.ttl(world.slot.key("replay", replay)) <= 7 * 86_400
    assert not await world.redis.exists(world.slot.key("replays"), world.slot.key("aside", replay))
