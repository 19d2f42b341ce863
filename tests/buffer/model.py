"""What a slot should hold, as simply as it can be said: each event by name, and each order key as a queue."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from producers.append import Entry
from tests.buffer.picture import Picture
from tests.buffer.support import name_of
from worker.buffer.batches import Batch

Key = tuple[str, str, str]  # account, order, kind


@dataclass
class Known:
    """What the model knows of one event."""

    key: Key
    size: int
    state: str = "queued"
    attempts: int = 0
    not_before: int = 0
    lease_ends: int = 0


@dataclass
class Model:
    """Every event that was ever accepted, and for each order key those that are still to be sent, in order."""

    events: dict[str, Known] = field(default_factory=dict)
    queues: defaultdict[tuple[str, str], list[str]] = field(default_factory=lambda: defaultdict(list))
    holds: dict[str, int] = field(default_factory=dict)

    def accepted(self, entries: Sequence[Entry]) -> None:
        for one in entries:
            name = name_of(one.stored)
            self.events[name] = Known((one.account, one.order, one.kind), one.size)
            self._queue(name)

    def claimed(self, batch: Batch, names: Sequence[str], now: int, lease_ms: int) -> None:
        """A batch was handed out: one that nobody has, that is due, and that is the head of its order key."""
        assert self.holds.get(batch.account, 0) <= now, "claimed though the account is held"
        assert len(names) == batch.events
        if batch.order:
            assert self.queues[batch.account, batch.order][: len(names)] == list(names), "out of order"
        for name in names:
            known = self.events[name]
            assert known.key == (batch.account, batch.order, batch.kind)
            assert known.state in ("queued", "in_flight"), f"{name} was {known.state} already"
            assert known.state == "queued" or known.lease_ends <= now, f"{name} is claimed twice"
            assert known.not_before <= now, "claimed before it was due"
            known.attempts += 1
            assert batch.attempts == known.attempts
            known.state, known.lease_ends = "in_flight", now + lease_ms

    def settled(self, names: Sequence[str], ends: Sequence[str], due: int) -> None:
        """One letter an event: (d)elivered, (x) dead, (a)gain or (b) again."""
        for name, end in zip(names, ends, strict=True):
            known = self.events[name]
            known.state = {"d": "delivered", "x": "dead"}.get(end, "queued")
            known.not_before = due
            if end in "dx" and known.key[1]:
                self.queues[known.key[:2]].remove(name)

    def refunded(self, names: Sequence[str], to: int) -> None:
        for name in names:
            self.events[name].attempts = to

    def replayed(self, names: Sequence[str]) -> None:
        for name in names:
            known = self.events[name]
            assert known.state == "dead"
            known.state, known.attempts, known.not_before = "queued", 0, 0
            self._queue(name)

    def discarded(self, names: Sequence[str]) -> None:
        for name in names:
            self.events[name].state = "discarded"

    def check(self, picture: Picture) -> None:
        """Each event is where it should be, and nowhere else."""
        wanted = Counter(known.state for known in self.events.values())
        assert picture.ledger["accepted"] == len(self.events)
        assert {end: picture.ledger[end] for end in ("delivered", "dead", "discarded")} == {
            end: wanted[end] for end in ("delivered", "dead", "discarded")
        }
        queued = [
            name_of(one) for batch in picture.batches.values() if batch.state != "in_flight" for one in batch.stored
        ]
        flying = [
            name_of(one) for batch in picture.batches.values() if batch.state == "in_flight" for one in batch.stored
        ]
        assert sorted(queued) == sorted(self._in_state("queued"))
        assert sorted(flying) == sorted(self._in_state("in_flight"))
        dead = [name_of(letter["event"]) for letter in picture.letters.values()]
        assert sorted(dead) == sorted(self._in_state("dead"))

    def _in_state(self, state: str) -> list[str]:
        return [name for name, known in self.events.items() if known.state == state]

    def _queue(self, name: str) -> None:
        account, order, _ = self.events[name].key
        if order:
            self.queues[account, order].append(name)
