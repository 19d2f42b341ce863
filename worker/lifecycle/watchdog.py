"""Ends a worker that does not end by itself, in time: a hung child, or a main process that waits for one."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable

from worker.effects import effect
from worker.lifecycle.stopping import FORCED_S, Stopping

LOOK_S = 0.5


def watch(stopping: Stopping, children: Callable[[], list[int]]) -> None:
    """In a thread of its own, which nobody joins: it has to outlive the orderly end of everything else."""
    threading.Thread(target=_watched, args=(stopping, children), name="watchdog", daemon=True).start()


def _watched(stopping: Stopping, children: Callable[[], list[int]]) -> None:
    while not stopping.over_for(FORCED_S):
        time.sleep(LOOK_S)
    with effect("end by force"):
        _kill(children())
    said = threading.Thread(target=_say, daemon=True)  # whoever reads our output may hang as well
    said.start()
    said.join(timeout=1)
    os._exit(1)


def _kill(children: list[int]) -> None:
    for child in children:
        if child != os.getpid():
            with contextlib.suppress(OSError):
                os.kill(child, signal.SIGKILL)


def _say() -> None:
    line = "forwarder: not everything ended in time and was ended by force; leases bring back what was in flight\n"
    with contextlib.suppress(Exception):
        os.write(sys.__stderr__.fileno() if sys.__stderr__ else 2, line.encode())
