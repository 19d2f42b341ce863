"""Names that Celery, Flower and the dispatcher share. A leaf."""

from __future__ import annotations

TASK_PREFIX = "forwarder.deliver."
REPLAY_PREFIX = "forwarder.replay."


def task_name(destination: str) -> str:
    """The task that delivers a destination; its queue has the same name."""
    return TASK_PREFIX + destination


def replay_name(destination: str) -> str:
    """The same task while a replay of that destination runs; it goes through the queue of the other."""
    return REPLAY_PREFIX + destination
