"""Accounts whose credentials were refused go on by themselves once the credentials file says something else."""

from __future__ import annotations

import time
from collections.abc import Sequence

import structlog
from redis.asyncio import Redis

from producers.keys import Slot
from worker.buffer.holds import Holds
from worker.credentials import Credentials, print_of

log = structlog.get_logger("forwarder.unpark")
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
        self._looked_at, self._version = time.monotonic(), self._credentials.version
        return sum([await self._look_at(Holds(redis, slot)) for slot in self._slots])

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
