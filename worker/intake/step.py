"""Runs the intake in a thread of the worker's main process, from its start to its stop."""

from __future__ import annotations

import threading
from typing import Any

from celery import bootsteps

from producers import Producer
from worker.intake.hand_over import HandOver
from worker.intake.intake import reader, run
from worker.intake.letters import reject
from worker.redis_client import sync_redis
from worker.settings import load_settings


class IntakeStep(bootsteps.StartStopStep):  # type: ignore[misc]  # Celery ships no types
    """Takes events from the queue `forwarder.events` of the broker."""

    requires = ("celery.worker.components:Pool",)

    def __init__(self, worker: Any, **options: Any) -> None:
        super().__init__(worker, **options)
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, worker: Any) -> None:  # noqa: ARG002 - Celery's signature
        settings = load_settings()
        redis, prefix = sync_redis(settings.buffer.redis_url), settings.buffer.key_prefix
        hand_over = HandOver(Producer.from_env(), lambda faulty: reject(redis, prefix, faulty))
        reading = reader(settings.broker_url, prefix, hand_over)
        self._thread = threading.Thread(target=run, args=(reading, self._stopped), name="intake", daemon=True)
        self._thread.start()

    def stop(self, worker: Any) -> None:  # noqa: ARG002 - Celery's signature
        self._stopped.set()
        if self._thread:
            self._thread.join(timeout=5)

    terminate = stop
