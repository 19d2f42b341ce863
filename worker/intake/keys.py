"""The queue's keys on a broker that is a Redis: kombu's own, and beside them those of the takes."""

from __future__ import annotations

from typing import NamedTuple

# What kombu appends to the name of a queue, in the order in which it reads.
PRIORITIES = ("", "\x06\x163", "\x06\x166", "\x06\x169")


class QueueKeys(NamedTuple):
    """Of the queue `<prefix>.events`."""

    prefix: str

    @property
    def lists(self) -> list[str]:
        """Where messages wait: pushed at the left, taken from the right, the list of the highest priority first."""
        return [f"{self.prefix}.events{priority}" for priority in PRIORITIES]

    @property
    def takes(self) -> str:
        """Sorted set: take -> when its lease is over, in microseconds."""
        return f"{self.prefix}.intake.takes"

    def taken(self, take: str) -> str:
        """The list of the messages of one take."""
        return f"{self.prefix}.intake.taken.{take}"

    @property
    def noted(self) -> tuple[str, str]:
        """Hash and sorted set of what kombu's own reader, which read the queue before, had not acknowledged."""
        return f"{self.prefix}.intake.unacked", f"{self.prefix}.intake.unacked_index"
