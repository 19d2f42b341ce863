"""A part of the worker that runs in a thread of its main process, from the worker's start to its stop."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from celery import bootsteps

JOIN_S = 5.0


class ThreadStep(bootsteps.StartStopStep):  # type: ignore[misc]  # Celery ships no types
    """Stops before the pool does, so it starts nothing that nobody would finish. To be derived from."""

    requires = ("celery.worker.components:Pool",)

    def __init__(self, worker: Any, **options: Any) -> None:
        super().__init__(worker, **options)
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def work(self, worker: Any) -> Callable[[threading.Event], object]:
        """What the thread runs: until the event is set, and never raising."""
        raise NotImplementedError

    def start(self, worker: Any) -> None:
        name = type(self).__name__
        self._thread = threading.Thread(target=self.work(worker), args=(self._stopped,), name=name, daemon=True)
        self._thread.start()

    def stop(self, worker: Any) -> None:  # noqa: ARG002 - Celery's signature
        self._stopped.set()
        if self._thread:
            self._thread.join(timeout=JOIN_S)

    terminate = stop
