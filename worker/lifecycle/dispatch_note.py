"""The note that a slot has a task under way, so that no second one is sent. It lapses soon after its worker died."""

from __future__ import annotations

import asyncio
import contextlib

from redis.asyncio import Redis
from redis.exceptions import RedisError

from producers.keys import Slot
from worker.effects import effect

NOTE_MS = 2_000
RENEW_S = 0.5


class DispatchNote:
    """Kept while a task claims. It is no lock: two tasks on one slot do no harm, they only cost."""

    def __init__(self, redis: Redis, slot: Slot) -> None:
        self._redis = redis
        self._key = slot.key("dispatched")
        self._released = False
        self._kept = asyncio.create_task(self._keep())

    async def __aenter__(self) -> DispatchNote:
        return self

    async def __aexit__(self, *_error: object) -> None:
        self.release()
        await asyncio.gather(self._kept, return_exceptions=True)

    def release(self) -> None:
        """No more is claimed: another task may be sent at once, while this one finishes what is in flight."""
        self._released = True  # a client that was just connecting may swallow the cancellation
        self._kept.cancel()

    async def _keep(self) -> None:
        try:
            while not self._released:
                with contextlib.suppress(RedisError, OSError), effect("note task"):
                    await self._redis.set(self._key, 1, px=NOTE_MS)
                await asyncio.sleep(RENEW_S)
        finally:
            with contextlib.suppress(RedisError, OSError), effect("drop note"):
                await self._redis.delete(self._key)
