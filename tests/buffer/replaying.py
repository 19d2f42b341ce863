"""What the tests of replays share: a runner in the world's slot, letters, and what waits."""

from __future__ import annotations

from collections import Counter
from typing import Any

from msgspec.structs import replace

from producers.append import Entry
from producers.clock import now_ms
from producers.settings import BatchSettings, BufferSettings
from producers.stored_event import decode
from tests.buffer.support import CODE, World, event, name_of
from worker.buffer.batches import Room
from worker.dead_letters import Filter
from worker.replay import Progress, Replays
from worker.replay.asking import Asking
from worker.replay.runner import Runner

CAPS = BatchSettings(max_events=100, max_bytes=1_000_000)
ANY = Filter()
ONE = Room(1, 8)


class Running:
    """Runs what runs in the world's slot."""

    def __init__(self, world: World, **options: Any) -> None:
        self.world = world
        consent = options.pop("consent", None)
        asking = Asking(consent) if consent else None
        self.options = {"caps": CAPS, "room": Room(), "asking": asking, **options}

    def runner(self) -> Runner:
        buffer = BufferSettings(key_prefix=self.world.slot.namespace)
        return Runner(self.world.redis, buffer, self.world.slot, **self.options)

    async def to_the_end(self) -> None:
        await self.runner().run(20, until_idle=True)
        self.world.now = now_ms() + 60_000  # the runner goes by Redis's own clock
        await self.world.check()

    async def steps(self, seconds: float = 0.3) -> None:
        """As far as there is room."""
        await self.runner().run(seconds, until_idle=True)
        self.world.now = now_ms() + 60_000
        await self.world.check()


async def die(world: World, count: int, account: str = "acme", code: str = CODE, **options: Any) -> None:
    """So many letters, named after their account and code."""
    names = [f"{account}-{code}-{number}" for number in range(count)]
    world.cap_events = 1_000
    await world.append(*(fresh(event(name, account, size=80, **options)) for name in names))
    world.later(world.linger_ms)
    for batch in (await world.claim()).batches:
        await world.kill(batch, code)


def fresh(entry: Entry) -> Entry:
    """The event is of now, so that its API still takes it."""
    now = now_ms()
    return replace(entry, event_time=now, stored=replace(decode(entry.stored), event_time=now).encode())


async def names(world: World) -> list[str]:
    """Of the events that wait to be sent."""
    return [name_of(one) for batch in (await world.picture()).batches.values() for one in batch.stored]


async def dead(world: World) -> Counter[str]:
    return Counter(name_of(letter["event"]) for letter in (await world.picture()).letters.values())


async def started(replays: Replays, chosen: Filter = ANY, **options: Any) -> str:
    replay = await replays.start(chosen, by="a test", **options)
    assert replay
    return replay


async def told(replays: Replays, replay: str) -> Progress:
    progress = await replays.progress(replay)
    assert progress
    return progress
