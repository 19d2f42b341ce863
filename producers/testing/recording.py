"""An appender that remembers events instead of storing them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from typing import Any, NamedTuple

from producers.accepted import Fate
from producers.errors import EnqueueFailed
from producers.keys import Slot
from producers.preparer import Made
from producers.stored_event import decode
from producers.testing.known_ids import KnownIds, event_of


class Recorded(NamedTuple):
    """One event that was accepted, as Rokt would get it."""

    destination: str
    account: str
    event: Any
    id: str


class Behaviour(NamedTuple):
    """How the calls go from now on. `failure`: why they all fail."""

    failure: str | None = None
    maybe_accepted: bool = False
    spools: bool = False


class RecordingAppender:
    """An `Appender`. Safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._events: list[Recorded] = []
        self._known = KnownIds()
        self._behaviour = Behaviour()
        self.withheld = 0

    def slot_of(self, made: Made) -> Slot:
        return Slot("fake", made.to.name, 0)

    def append(self, made: Sequence[Made]) -> list[Fate]:
        with self._lock:
            now = self._behaviour
            if now.failure is not None:
                event_id = made[0].id if len(made) == 1 else ""
                raise EnqueueFailed(now.failure, id=event_id, maybe_accepted=now.maybe_accepted)
            fates = [self._take(each) for each in made]
            return [Fate.SPOOLED] * len(fates) if now.spools else fates

    def withhold(self, made: Sequence[Made]) -> None:
        with self._lock:
            self.withheld += len(made)

    def close(self) -> None:
        """Nothing is open."""

    def recorded(self) -> list[Recorded]:
        """Copies, so that a test that changes one changes nothing here."""
        with self._lock:
            return deepcopy(self._events)

    def clear(self) -> None:
        with self._lock:
            self._events.clear()
            self._known.clear()
            self.withheld = 0

    def behave(self, behaviour: Behaviour) -> Callable[[], None]:
        """From now on; gives what undoes it."""
        with self._lock:
            before, self._behaviour = self._behaviour, behaviour

        def undo() -> None:
            with self._lock:
                self._behaviour = before

        return undo

    def _take(self, made: Made) -> Fate:
        fate = self._known.fate(made)
        if fate is Fate.BUFFERED:
            event = event_of(made, decode(made.entry.stored))
            self._events.append(Recorded(made.to.name, made.entry.account, event, made.id))
        return fate


@contextmanager
def until_left(undo: Callable[[], None]) -> Iterator[None]:
    """Undoes at the end of a `with` what was done before it."""
    try:
        yield
    finally:
        undo()
