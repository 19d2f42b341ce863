"""Accounts whose credentials were refused go on by themselves once the credentials file says something else."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from producers.keys import Slot
from worker.access.credentials import Credentials, print_of
from worker.buffer.holds import Holds
from worker.connection.client import with_redis
from worker.lifecycle.thread_step import ThreadStep
from worker.settings import load_settings, open_credentials

log = structlog.get_logger("forwarder.unpark")
LOOK_S = 1.0
SWEEP_S = 15.0  # how often to look though the file did not change: an account may have been parked by an older one


class Unparker:
    """Looks at the parked accounts of these slots: at the start, when the file changed, and now and then."""

    def __init__(self, slots: Sequence[Slot], credentials: Credentials) -> None:
        self._slots = slots
        self._credentials = credentials
        self._looked_at = -SWEEP_S
        self._version: object = None

    @property
    def is_time(self) -> bool:
        """Whether there may be something to do."""
        changed = self._credentials.version != self._version
        return changed or time.monotonic() - self._looked_at >= SWEEP_S

    async def look(self, redis: Redis) -> int:
        """One look. Gives how many accounts go on."""
        self._looked_at, version = time.monotonic(), self._credentials.version
        resumed = sum([await self._look_at(Holds(redis, slot)) for slot in self._slots])
        self._version = version  # only now: without Redis there was no look
        return resumed

    async def _look_at(self, holds: Holds) -> int:
        changed = [
            (held.account, held.credentials)
            async for held in holds.lasting()
            if held.credentials and print_of(self._credentials.of(held.account)) != held.credentials
        ]
        resumed = await holds.resume_those(changed, "parked")
        if resumed:
            log.info("credentials_changed", destination=holds.slot.destination, accounts_resumed=resumed)
        return resumed


class UnparkStep(ThreadStep):
    """Runs an `Unparker` beside the dispatcher."""

    def work(self, worker: Any) -> Callable[[threading.Event], object]:  # noqa: ARG002 - the step's signature
        settings = load_settings()
        shards = range(settings.buffer.shards)
        slots = [Slot(settings.buffer.key_prefix, name, shard) for name in settings.hosts for shard in shards]
        unparker = Unparker(slots, open_credentials(settings.worker))
        return lambda stopped: _look_until(stopped, unparker, settings.buffer.redis_url)


def _look_until(stopped: threading.Event, unparker: Unparker, redis_url: str) -> None:
    while not stopped.wait(LOOK_S):
        try:
            if unparker.is_time:
                asyncio.run(with_redis(redis_url, unparker.look))
        except (RedisError, OSError) as error:
            log.warning("redis_is_away", error=type(error).__name__)
        except Exception:
            log.exception("unpark_failed")
