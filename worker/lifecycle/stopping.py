"""When the worker was asked to end: a word of memory that its main process shares with the children of its pool.

Celery's warm shutdown waits for the tasks that run, and tells them nothing. So the main process writes the time into
anonymous shared memory, made before the first fork and inherited by every child, also by those that replace others.
Writing it blocks nobody, so a signal handler may; reading it costs nothing, so a delivery does at each turn.

An end in three steps, each in seconds after it was asked for: no claim and no new request from the first moment; at
`FORWARDER_SHUTDOWN_TIMEOUT_S` requests are cut off; `SETTLE_S` later deliveries give up on a Redis that does not
answer, and `FORCED_S` after it the main process ends by force (`watchdog.py`). Leases bring back the rest.
"""

from __future__ import annotations

import mmap
import time
from typing import Protocol

SETTLE_S = 3.0  # after the time-out: to settle what was cut off
FORCED_S = 10.0  # after the time-out: everything in order has ended by now, with a Redis that hangs too
_SIZE = 8


class Stop(Protocol):
    """What a delivery asks at each turn."""

    @property
    def asked(self) -> bool:
        """Whether the worker is to end: nothing more is claimed, no request is started."""
        ...

    @property
    def over(self) -> bool:
        """Whether the time is over for the requests that are under way."""
        ...


class Never:
    """Nobody asks this one to stop."""

    asked = False
    over = False


class Stopping:
    """To be made before the fork. The clock is the machine's monotonic one, the same in all its processes."""

    def __init__(self) -> None:
        self._asked_at = memoryview(mmap.mmap(-1, _SIZE)).cast("d")
        self.timeout_s = 0.0

    def ask(self) -> None:
        """From now on. The first time counts. Safe in a signal handler."""
        if not self._asked_at[0]:
            self._asked_at[0] = time.monotonic()

    @property
    def asked(self) -> bool:
        return bool(self._asked_at[0])

    @property
    def over(self) -> bool:
        return self.over_for(0)

    def over_for(self, seconds: float) -> bool:
        """Whether the soft time-out was over so many seconds ago."""
        asked_at = self._asked_at[0]
        return bool(asked_at) and time.monotonic() >= asked_at + self.timeout_s + seconds


STOPPING = Stopping()  # this worker's: one a program, made when it is imported
