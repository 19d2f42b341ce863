"""A queue that keeps its size: what a round appends it also claims, reads and settles, and says what that cost."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from statistics import median
from typing import Any

from tests.benchmarks.growth.events import Workload
from tests.benchmarks.growth.figures import told
from tests.benchmarks.growth.filling import Filler
from tests.benchmarks.growth.server import Server
from worker.buffer.batches import Batch, Limits, Noted, Settlement, Verdict
from worker.buffer.buffer import Buffer
from worker.connection.client import async_redis
from worker.settings import load_settings

DAY_S = 86_400
A_CALL = 100  # of `enqueue_many`
SINGLES = 40  # events of a round that come one a call
CLAIMS, AT_ONCE = 8, 4  # calls of a round, and batches of each, as a worker makes them
LIMITS = Limits(60_000, AT_ONCE, CLAIMS * AT_ONCE)
NOTHING_MORE = Limits(60_000, 0, 0)
EVENTS_A_BATCH = {"W1": 100, "W2": 4}
NOTED = Noted(b'{"at":1800000000000,"n":1,"s":200,"t":"0af7651916cd43dd8448eb211c80319c","ms":43}', 200, 43, 100)
STEPS = ("append", "append_one", "claim", "read", "settle")
FLOOR_OF = ("append", "claim", "settle")


class Costs:
    """Of some rounds: microseconds of Redis an event, and of round trips."""

    def __init__(self) -> None:
        self.redis_us: dict[str, list[float]] = defaultdict(list)
        self.trips_us: dict[str, list[float]] = defaultdict(list)

    def an_event(self) -> dict[str, float]:
        """Medians of the rounds; `sum`: of append (a hundred a call), claim and settle."""
        by_step = {step: median(self.redis_us[step]) for step in STEPS}
        told_sum = sum(by_step[step] for step in FLOOR_OF)
        return {step: round(us, 2) for step, us in by_step.items()} | {"sum": round(told_sum, 2)}

    def sums(self) -> list[float]:
        """Of each round: append, claim and settle together."""
        return [sum(steps) for steps in zip(*(self.redis_us[step] for step in FLOOR_OF), strict=True)]

    def trip(self, step: str) -> dict[str, float]:
        return told(self.trips_us[step], 50, 99)


class Queue:
    """One slot of a Redis of its own."""

    def __init__(self, server: Server, workload: Workload, window_s: int = DAY_S) -> None:
        self.server, self.workload, self.window_s = server, workload, window_s
        self.empty_bytes = server.used_bytes()
        self.filler = Filler(server.url, workload, window_s)
        self.costs = Costs()
        self._redis = async_redis(server.url)
        self._buffer = Buffer(self._redis, self.filler.slot, load_settings({}).delivery[workload.to.name].bounds)

    def queued(self) -> int:
        """Events that wait."""
        counts = self.server.redis.hmget(self.filler.slot.key("ledger"), "open", "ready")
        return sum(int(count or 0) for count in counts)

    def sessions(self) -> int:
        """Batches that wait: of sessions, one each."""
        return int(self.server.redis.zcard(self.filler.slot.key("times"))) if self.workload.sessions else 0

    async def round(self) -> None:
        """Appends in calls of a hundred and in single ones, and ends as many batches."""
        many = CLAIMS * AT_ONCE * EVENTS_A_BATCH[self.workload.name] - SINGLES
        await self._step("append", many, self._appended(list(self.filler.calls(many, A_CALL))))
        await self._step("append_one", SINGLES, self._appended(list(self.filler.calls(SINGLES, 1)), "append"))
        claimed: list[list[Batch]] = []
        events = await self._step("claim", 0, self._claims(claimed))
        await self._step("read", events, self._reads(claimed))
        await self._step("settle", events, self._settles(claimed))

    async def drain(self) -> int:
        """Ends all that waits; gives how many batches."""
        ended: list[list[Batch]] = [[]]
        while True:
            claimed: list[list[Batch]] = []
            if not await self._claims(claimed):
                return sum(len(batches) for batches in ended)
            await self._settles([batches for batches in claimed if batches])
            ended += claimed

    async def close(self) -> None:
        self.filler.close()
        await self._redis.aclose()

    async def _step(self, name: str, events: int, work: Awaitable[int]) -> int:
        began = self.server.spent_us()
        done = await work or events
        self.costs.redis_us[name].append((self.server.spent_us() - began) / done)
        return done

    async def _appended(self, commands: list[list[Any]], timed: str = "") -> int:
        for command in commands:
            with self._trip(timed):
                self.filler.one(command)
        return 0

    async def _claims(self, claimed: list[list[Batch]]) -> int:
        for _ in range(CLAIMS):
            with self._trip("claim"):
                found = await self._buffer.claim(LIMITS)
            claimed.append(found.batches)
        return sum(batch.events for batches in claimed for batch in batches)

    async def _reads(self, claimed: list[list[Batch]]) -> int:
        for batches in claimed:
            with self._trip("read"):
                await self._buffer.read(batches)
        return 0

    async def _settles(self, claimed: list[list[Batch]]) -> int:
        for batches in claimed:
            ended = [(batch, Settlement(batch.events, verdict=Verdict.TAKEN, noted=NOTED)) for batch in batches]
            with self._trip("settle"):
                settled, _ = await self._buffer.settle_and_claim(ended, NOTHING_MORE)
            assert all(settled), settled
        return 0

    @contextmanager
    def _trip(self, name: str) -> Iterator[None]:
        began = time.perf_counter()
        yield
        if name:
            self.costs.trips_us[name].append((time.perf_counter() - began) * 1e6)
