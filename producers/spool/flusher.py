"""Brings the events of one spool file to Redis: lane by lane, in the order of the rows, one slot a call."""

from __future__ import annotations

import logging
import math
import random
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from producers.accepted import Fate
from producers.appender import Appender
from producers.errors import EnqueueFailed
from producers.keys import Slot
from producers.preparer import Made
from producers.spool.rows import Waiting

LOG = logging.getLogger("producers.spool")
MOST_EVENTS = 500
MOST_BYTES = 1_000_000
SLICE_S = 0.2  # of one lane, before another has its turn
FIRST_S, LONGEST_S = 0.1, 1.0
GROWTH = 4
TOLD_REFUSED = "%d events of the spool file %s were refused for good; forwarder spool status shows them"
REFUSED = "another event was accepted before under its id"


class Source(Protocol):
    """A file, or this process's own with what is counted of it."""

    @property
    def name(self) -> str: ...
    def lanes(self) -> list[str]: ...
    def head(self, lane: str, most_events: int, most_bytes: int) -> list[Waiting]: ...
    def settle(self, taken: Sequence[Waiting], refused: Sequence[tuple[Waiting, str]]) -> None: ...


class Told(NamedTuple):
    """Of one call. `why`: empty if Redis took them. `seconds`: how long it took."""

    slot: Slot
    why: str
    seconds: float


class Pace:
    """When a lane may be tried, and how much of it: one event after a failure, then four times as many each time."""

    def __init__(self, due: float) -> None:
        self.most = 1
        self.due = due
        self._wait_s = FIRST_S

    def failed(self, now: float) -> None:
        self.most = 1
        self.due = now + max(FIRST_S, self._wait_s * random.uniform(0.5, 1))
        self._wait_s = min(LONGEST_S, 2 * self._wait_s)

    def succeeded(self) -> None:
        self.most = min(MOST_EVENTS, GROWTH * self.most)
        self._wait_s = FIRST_S


class Flusher:
    """`tell` hears of each call to Redis. `stopped`: whether it is to end. `soon`: the first attempt does not wait."""

    def __init__(
        self,
        source: Source,
        to: Appender,
        tell: Callable[[Told], None],
        stopped: Callable[[], bool],
        *,
        soon: bool = False,
    ) -> None:
        self._source = source
        self._to = to
        self._tell = tell
        self._stopped = stopped
        self._first_s = 0.0 if soon else FIRST_S
        self._paces: dict[str, Pace] = {}
        self._unsettled: tuple[list[Waiting], list[tuple[Waiting, str]]] | None = None

    def go(self) -> float:
        """One turn over all lanes; seconds until there is something to do again: infinite if nothing waits.

        A lane that is new waits for a moment: Redis has just failed, or comes back to many at once.
        """
        self._settle()
        paces = {
            lane: self._paces.get(lane) or Pace(time.monotonic() + self._first_s * random.uniform(0.5, 1.5))
            for lane in self._source.lanes()
        }
        self._paces = {
            lane: pace for lane, pace in paces.items() if not (self._is_due(pace) and self._lane(lane, pace))
        }
        return max(0.0, min((pace.due for pace in self._paces.values()), default=math.inf) - time.monotonic())

    def _is_due(self, pace: Pace) -> bool:
        return pace.due <= time.monotonic() and not self._stopped()

    def _lane(self, lane: str, pace: Pace) -> bool:
        """Whether nothing waits in it any more."""
        ends = time.monotonic() + SLICE_S
        while time.monotonic() < ends and not self._stopped():
            rows = self._source.head(lane, pace.most, MOST_BYTES)
            if not rows:
                return True
            if not self._bring(rows):
                pace.failed(time.monotonic())
                return False
            pace.succeeded()
        return False

    def _bring(self, rows: Sequence[Waiting]) -> bool:
        """Whether Redis took them. What it took stays taken, whatever comes after."""
        if unreadable := [(row, row.fault) for row in rows if row.made is None]:
            self._unsettled = [], unreadable
            self._settle()
        return all(self._append(slot, of_slot) for slot, of_slot in self._by_slot(rows).items())

    def _by_slot(self, rows: Sequence[Waiting]) -> dict[Slot, list[tuple[Waiting, Made]]]:
        """One slot, unless the number of shards is another now."""
        slots: dict[Slot, list[tuple[Waiting, Made]]] = {}
        for row in rows:
            if row.made is not None:
                slots.setdefault(self._to.slot_of(row.made), []).append((row, row.made))
        return slots

    def _append(self, slot: Slot, rows: list[tuple[Waiting, Made]]) -> bool:
        began = time.monotonic()
        try:
            fates = self._to.append([made for _, made in rows])
        except EnqueueFailed as error:
            self._tell(Told(slot, error.reason or "it failed", time.monotonic() - began))
            return False
        pairs = [(row, fate) for (row, _), fate in zip(rows, fates, strict=True)]
        taken = [row for row, fate in pairs if fate is not Fate.CONFLICT]
        self._unsettled = taken, [(row, REFUSED) for row, fate in pairs if fate is Fate.CONFLICT]
        self._settle()
        self._tell(Told(slot, "", time.monotonic() - began))
        return True

    def _settle(self) -> None:
        """A disk that is full keeps what Redis has already: that must be forgotten before anything is sent again."""
        if self._unsettled is not None:
            taken, refused = self._unsettled
            self._source.settle(taken, refused)
            self._unsettled = None
            if refused:
                LOG.warning(TOLD_REFUSED, len(refused), self._source.name)
