"""The Celery tasks, two a destination. Thin: they run a delivery on their process's own event loop.

The second does the same under another name, so that Flower shows where a replay runs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from celery import Celery

from producers.destinations import DESTINATIONS
from producers.errors import ForwarderError
from worker.delivery.summary import Summary
from worker.names import replay_name, task_name
from worker.process import open_process
from worker.settings import Settings


class DeliveryFailed(ForwarderError):
    """Makes a task red in Flower. Its text holds numbers and codes, never what an event says."""


def register(app: Celery, settings: Settings) -> None:
    """Gives the app the tasks of each destination that has a host in this environment."""
    for destination in DESTINATIONS:
        if destination in settings.hosts:
            for name in (task_name(destination), replay_name(destination)):
                app.task(name=name, shared=False, throws=(DeliveryFailed,))(_deliverer(settings, destination))


def _deliverer(settings: Settings, destination: str) -> Callable[[int], dict[str, object]]:
    def deliver(shard: int) -> dict[str, object]:
        summary = open_process(settings).deliver(destination, shard)
        return _reported(summary)

    deliver.__doc__ = f"Delivers what is due of {destination} in one shard."
    return deliver


def _reported(summary: Summary) -> dict[str, Any]:
    if summary.delivery_fails:
        raise DeliveryFailed(str(summary.shown()))
    return summary.shown()
