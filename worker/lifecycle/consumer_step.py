"""A step of Celery's consumer that proves it alive: a timer of its own event loop beats the pulse."""

from __future__ import annotations

import os
from typing import Any

from celery import bootsteps

from worker.lifecycle.pool import processes_of
from worker.lifecycle.pulse import PULSE

EVERY_S = 0.5


class ConsumerStep(bootsteps.StartStopStep):  # type: ignore[misc]  # Celery ships no types
    """Started anew with each connection to the broker, since a lost one takes the loop's timers along."""

    requires = ("celery.worker.consumer.tasks:Tasks",)
    _timer: Any = None

    def start(self, consumer: Any) -> None:
        if os.getpid() in processes_of(consumer.pool):  # --pool solo: the loop stands while a task runs
            PULSE.lasts_s = float(consumer.app.conf.task_time_limit)
        consumer.timer.call_after(0, _beat, (consumer,))
        self._timer = consumer.timer.call_repeatedly(EVERY_S, _beat, (consumer,))

    def stop(self, consumer: Any) -> None:  # noqa: ARG002 - Celery's signature
        """Also called where an earlier step failed, and this one was never started."""
        if self._timer:
            self._timer.cancel()


def _beat(consumer: Any) -> None:
    connected = consumer.connection and consumer.connection.connected
    if connected and consumer.task_consumer and consumer.task_consumer.queues:
        PULSE.beat()
