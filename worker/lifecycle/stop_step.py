"""The worker's step that sees to its end: every way to stop tells the children, and a watchdog bounds all of them."""

from __future__ import annotations

from typing import Any

from celery import bootsteps

from worker.lifecycle.pool import processes_of
from worker.lifecycle.stopping import STOPPING
from worker.lifecycle.watchdog import watch


class StopStep(bootsteps.StartStopStep):  # type: ignore[misc]  # Celery ships no types
    """Holds no thread that would have to be stopped."""

    requires = ("celery.worker.components:Pool",)

    def start(self, worker: Any) -> None:
        self._by_signal = False
        watch(STOPPING, lambda: processes_of(worker.pool))

    def close(self, worker: Any) -> None:  # noqa: ARG002 - Celery's signature
        """The first thing in every orderly end, also in one that no signal asked for."""
        self._by_signal = STOPPING.asked
        STOPPING.ask()

    def stop(self, worker: Any) -> None:
        """Ctrl-C ends a worker in the same order as SIGTERM does, but Celery would give a failure's exit status."""
        if self._by_signal:
            worker.exitcode = 0
