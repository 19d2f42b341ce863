"""Runs the replays of one slot beside its deliveries, or without a worker in the command that began one."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from typing import Any

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from producers.keys import Slot
from producers.settings import BatchSettings, BufferSettings
from worker.buffer.batches import Room
from worker.dead_letters.finding import Finder
from worker.lifecycle.stopping import Never, Stop
from worker.operating.audit import NotAudited
from worker.replay.asking import Asking
from worker.replay.choosing import Choosing
from worker.replay.record import Record, record_key
from worker.replay.replays import Replays
from worker.replay.walk import Walk

log = structlog.get_logger("forwarder.replay")
LOOK_S = 0.5  # after which it looks whether there are others to run
AGAIN_S = 1.0  # after something broke
TURN_S = 0.1  # in which it notices that the worker is to end


class Runner:
    """Takes turns between the replays that run in the slot. What went wrong with one is told, and tried again."""

    def __init__(
        self,
        redis: Redis,
        buffer: BufferSettings,
        slot: Slot,
        caps: BatchSettings,
        room: Room,
        asking: Asking | None = None,
        stop: Stop = Never,
        on_moved: Callable[[], object] = lambda: None,
    ) -> None:
        """`on_moved`: called when there is more to deliver."""
        self._redis: Any = redis
        self._slot = slot
        self._caps = caps
        self._room = room
        self._asking = asking
        self._stop = stop
        self._on_moved = on_moved
        self._finder = Finder(redis, buffer)
        self._replays = Replays(redis, buffer)
        self._walks: dict[str, Walk] = {}
        self._ended: set[str] = set()  # whose end here may be the end of all of it
        self._looked = -LOOK_S
        self._has_looked = False
        self._ending = asyncio.Event()
        self.moved = 0

    @property
    def busy(self) -> bool:
        """Whether a replay runs, as far as it has looked."""
        return bool(self._walks) or not self._has_looked

    def end(self) -> None:
        """Soon, between two steps: a cancel may be lost on its way."""
        self._ending.set()

    async def run(self, seconds: float, *, until_idle: bool = False) -> None:
        """For so long, or until the worker is to end, or until no replay runs."""
        try:
            await self._run(time.monotonic() + seconds, until_idle)
        finally:
            await self._keep({})

    async def _run(self, ends: float, until_idle: bool) -> None:
        while not self._is_to_end and (left := ends - time.monotonic()) > 0:
            try:
                pause = await self._turn()
            except (RedisError, OSError, NotAudited) as error:
                log.warning("redis_is_away", error=type(error).__name__)
                pause = AGAIN_S
            except Exception:
                log.exception("replay_broke", slot=self._slot.base)
                await self._keep({})
                pause = AGAIN_S
            self._has_looked = True
            if until_idle and not self._walks:
                return
            await self._rest(min(pause, left, TURN_S))

    @property
    def _is_to_end(self) -> bool:
        return self._stop.asked or self._ending.is_set()

    async def _rest(self, seconds: float) -> None:
        await asyncio.sleep(0)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._ending.wait(), seconds)

    async def _turn(self) -> float:
        """A step of each replay that may take one. Gives the pause until the next turn."""
        if time.monotonic() - self._looked >= LOOK_S or (self._walks and all(w.over for w in self._walks.values())):
            await self._look()
        for replay, walk in [each for each in self._walks.items() if not each[1].over and each[1].due_in() <= 0]:
            if self._is_to_end:
                break
            done = await walk.step()
            self.moved += done.moved
            if done.ended == "over":
                self._ended.add(replay)
            if done.moved:
                self._on_moved()
        for replay in [*self._ended]:
            await self._replays.tell_end(replay)
            self._ended.discard(replay)
        return min((each.due_in() for each in self._walks.values() if not each.over), default=LOOK_S)

    async def _look(self) -> None:
        """Which replays run."""
        ids = [each.decode() for each in await self._redis.zrange(self._slot.key("replays"), 0, -1)]
        self._looked = time.monotonic()
        walks: dict[str, Walk] = {}
        for replay in ids:
            fields = await self._redis.hgetall(record_key(self._slot, replay))
            if fields.get(b"state") != b"running":
                continue
            known = self._walks.get(replay)
            walks[replay] = known if known and not known.over else await self._walk(Record.of(replay, fields))
        await self._keep(walks)

    async def _keep(self, walks: dict[str, Walk]) -> None:
        """Goes on with these alone."""
        left = [each for each in self._walks.values() if each not in walks.values()]
        self._walks = walks
        for walk in left:
            await walk.close()

    async def _walk(self, record: Record) -> Walk:
        choosing = Choosing(self._redis, self._finder, self._slot)
        seconds, micros = await self._redis.time()
        now = seconds * 1_000 + micros / 1_000
        return Walk(self._redis, self._slot, record, choosing, self._caps, self._room, self._asking, now)
