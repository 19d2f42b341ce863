"""Wrong tokens are counted: after a few nobody of that address is listened to for a while."""

from __future__ import annotations

import time
from collections.abc import Callable

EACH, ALL = 10, 200  # wrong tokens a minute: from one address, and from all of them
PERIOD_S = 60.0


class Tries:
    """Of the last minute. `now` gives seconds that only grow."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._wrong: list[tuple[float, str]] = []  # oldest first, so at most ALL of them matter

    def wait_s(self, address: str) -> int:
        """For how long this address is not listened to; 0: it is."""
        self._forget()
        theirs = [at for at, who in self._wrong if who == address]
        if len(theirs) < EACH and len(self._wrong) < ALL:
            return 0
        oldest = theirs[-EACH] if len(theirs) >= EACH else self._wrong[-ALL][0]
        return max(1, round(oldest + PERIOD_S - self._now() + 0.5))

    def wrong(self, address: str) -> None:
        """One more."""
        self._wrong = [*self._wrong, (self._now(), address)][-ALL:]

    def _forget(self) -> None:
        since = self._now() - PERIOD_S
        self._wrong = [each for each in self._wrong if each[0] > since]
