"""Looks at the ledger again and again, and notes every look at which it did not balance."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, NamedTuple

from redis.asyncio import Redis
from redis.exceptions import RedisError

from producers.settings import BufferSettings
from worker.connection.client import with_redis
from worker.operating.status import STATES, status

LOOK_S = 0.2
ENDS = ("accepted", "delivered", "dead", "discarded")  # counts that never fall
Counts = Mapping[str, Mapping[str, Any]]


class Looks(NamedTuple):
    """`away`: looks that Redis did not answer. `differences`: what did not balance, in words."""

    looks: int
    away: int
    differences: list[str]


class Watch:
    """A thread that asks for the status every 200 ms, whatever happens to Redis."""

    def __init__(self, buffer: BufferSettings) -> None:
        self._buffer = buffer
        self._stopped = threading.Event()
        self._thread = ThreadPoolExecutor(1, "watch")
        self._looks: Future[Looks] | None = None

    def start(self) -> None:
        self._looks = self._thread.submit(asyncio.run, with_redis(self._buffer.redis_url, self._watched))

    def stop(self) -> Looks:
        self._stopped.set()
        assert self._looks is not None
        return self._looks.result()

    async def _watched(self, redis: Redis) -> Looks:
        looks, away, found = 0, 0, list[str]()
        before: Counts = {}
        while not self._stopped.is_set():
            try:
                counts = await status(redis, self._buffer)
            except (RedisError, OSError):
                away += 1
            else:
                looks += 1
                found += differences(before, counts)
                before = counts
            await asyncio.sleep(LOOK_S)
        return Looks(looks, away, found)


def differences(before: Counts, counts: Counts) -> list[str]:
    """Destinations whose counts do not add up, or whose final counts fell since the look before."""
    found = []
    for name, now in counts.items():
        accepted, *places = (now[state] for state in STATES)
        if accepted != sum(places):
            found.append(f"{name}: accepted {accepted}, but {sum(places)} in {_shown(now)}")
        fell = [end for end in ENDS if name in before and now[end] < before[name][end]]
        found += [f"{name}: {end} fell from {before[name][end]} to {now[end]}" for end in fell]
    return found


def _shown(counts: Mapping[str, Any]) -> dict[str, Any]:
    return {state: counts[state] for state in STATES}
