"""Wrong tokens are counted: after a few those of that address wait for their turn, whether right or wrong."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

EACH, ALL = 10, 200  # wrong tokens a minute: from one address, and from all of them
PERIOD_S = 60.0
TURN_S, WAITING = 0.5, 20  # then one at a time, and so many at most that wait for it


class Crowded(Exception):
    """Too many wait for their turn."""


class Tries:
    """Of the last minute. `now` gives seconds that only grow."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._wrong: list[tuple[float, str]] = []  # oldest first, so at most ALL of them matter
        self._one = asyncio.Lock()
        self._waiting = 0

    def wait_s(self, address: str) -> int:
        """For how long this address still has too many of them; 0: it has not."""
        self._forget()
        theirs = [at for at, who in self._wrong if who == address]
        if len(theirs) < EACH and len(self._wrong) < ALL:
            return 0
        oldest = theirs[-EACH] if len(theirs) >= EACH else self._wrong[-ALL][0]
        return max(1, round(oldest + PERIOD_S - self._now() + 0.5))

    async def turn(self, address: str) -> None:
        """Returns when a token of this address may be looked at. Raises `Crowded`."""
        if not self.wait_s(address):
            return
        if self._waiting == WAITING:
            raise Crowded
        self._waiting += 1
        try:
            async with self._one:
                await asyncio.sleep(TURN_S)
        finally:
            self._waiting -= 1

    def wrong(self, address: str) -> None:
        """One more."""
        self._wrong = [*self._wrong, (self._now(), address)][-ALL:]

    def _forget(self) -> None:
        since = self._now() - PERIOD_S
        self._wrong = [each for each in self._wrong if each[0] > since]
