"""Replays: dead letters that are sent again by the workers, a few at a time, beside what is live."""

from worker.replay.record import Progress
from worker.replay.replays import Replays

__all__ = ["Progress", "Replays"]
