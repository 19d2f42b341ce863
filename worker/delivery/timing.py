"""How long what a process asks of Redis takes: counted by bounds, and brought to Redis when its task ends."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from worker.buffer.tallies import ROUND_TRIP_MS, bound_of


class Timing:
    """Of one task. What was not brought to Redis before a crash is not counted."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()

    @contextmanager
    def of(self, call: str) -> Iterator[None]:
        """One round trip, whatever comes of it."""
        started = time.monotonic()
        try:
            yield
        finally:
            seconds = time.monotonic() - started
            self._counts[f"trip_{call}:{bound_of(ROUND_TRIP_MS, 1_000 * seconds)}"] += 1
            self._counts[f"trip_{call}_us"] += round(1_000_000 * seconds)

    def taken(self) -> dict[str, int]:
        """What was counted since the last time, by fields of `stats`."""
        counts, self._counts = self._counts, Counter()
        return dict(counts)
