"""Names that Celery, Flower and the dispatcher share. A leaf."""

from __future__ import annotations

TASK_PREFIX = "forwarder.deliver."


def task_name(destination: str) -> str:
    """The task that delivers a destination; its queue has the same name."""
    return TASK_PREFIX + destination
