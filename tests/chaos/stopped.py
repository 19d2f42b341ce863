"""Workers that stand still for longer than their leases, and what a kill or such a halt can have doubled."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from typing import NamedTuple

from tests.chaos.plan import HTTP_TIMEOUT_S
from worker.stack.child import Child


class Kill(NamedTuple):
    """`began` and `ended`: before the kill and, of Redis, when it was back (monotonic seconds, as the sandbox's).

    `in_flight`: the ids of the events whose batch a worker held then: only their settlement can have been lost.
    """

    kind: str
    began: float
    ended: float
    in_flight: frozenset[str]


class Stopped:
    """Those that stand still now."""

    def __init__(self) -> None:
        self._halts: list[tuple[Child, Kill]] = []

    def stop(self, worker: Child, held: Callable[[], frozenset[str]]) -> None:
        """`held` is asked when nothing of the worker moves any more."""
        os.killpg(worker.pid, signal.SIGSTOP)
        began = time.monotonic()
        self._halts.append((worker, Kill("stop", began, began, held())))

    def go_on(self, min_s: float = 0) -> list[Kill]:
        """Lets those go on that stood still for so many seconds, if they were not killed meanwhile."""
        now = time.monotonic()
        due = [(worker, halt) for worker, halt in self._halts if now - halt.began >= min_s]
        self._halts = [each for each in self._halts if each not in due]
        for worker, _ in due:
            if worker.running:
                os.killpg(worker.pid, signal.SIGCONT)
        return [halt._replace(ended=time.monotonic() + HTTP_TIMEOUT_S) for _, halt in due]
