"""Which times of events expire when: the index holds the events' times, people ask for when they expire."""

from __future__ import annotations

from bisect import bisect_left
from typing import NamedTuple

from producers.clock import DAY_MS, Window
from producers.destinations import DESTINATIONS
from worker.dead_letters.filter import Filter

LONGEST_MONTH = 31


class Times(NamedTuple):
    """Times of events (ms), from the first to before the second; None: no bound."""

    since: int | None = None
    before: int | None = None

    def hold(self, time: float | None) -> bool:
        """None: a letter without a time, which no bound takes."""
        if time is None:
            return False
        return (self.since is None or time >= self.since) and (self.before is None or time < self.before)

    @property
    def range(self) -> tuple[str, str]:
        """As Redis spells it."""
        since = "-inf" if self.since is None else str(self.since)
        return since, "+inf" if self.before is None else f"({self.before}"


def times_of(destination: str, chosen: Filter) -> Times | None:
    """Of the events that the filter takes by their expiry. None: whatever their time. Empty where nothing expires."""
    to = DESTINATIONS.get(destination)
    if not chosen.by_expiry:
        return None
    if to is None or to.window.expires(0) is None:
        return None if chosen.expires_before is None else Times(0, 0)
    since = None if chosen.expires_after is None else first_expiring(to.window, chosen.expires_after)
    before = None if chosen.expires_before is None else first_expiring(to.window, chosen.expires_before)
    return Times(since, before)


def first_expiring(window: Window, at: int) -> int:
    """The earliest time of an event that expires at `at` (ms) or later."""
    earliest = at - (LONGEST_MONTH * (window.months + 1) + window.days) * DAY_MS
    return earliest + bisect_left(range(at - earliest + 1), at, key=lambda ahead: window.expires(earliest + ahead) or 0)
