"""What a slot should hold, as simply as it can be said: events by name, order keys as queues, who may go."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from producers.accepted import Fate
from producers.append import Entry
from tests.buffer.picture import Picture
from tests.buffer.standing_model import Account, Circuit
from tests.buffer.support import name_of
from worker.buffer.batches import Batch, Bounds, Settled, Settlement, Verdict

Key = tuple[str, str, str]  # account, order, kind


@dataclass
class Known:
    """What the model knows of one event. `root`: how many batches there were when it was first refused with others."""

    key: Key
    size: int
    state: str = "queued"
    attempts: int = 0
    tried: int | None = None
    not_before: int = 0
    lease_ends: int = 0
    root: int | None = None


class Flight:
    """A batch that a worker was given, with what it read. `far`: claimed to look far away in the queue."""

    def __init__(self, batch: Batch, stored: list[bytes]) -> None:
        self.batch = batch
        self.stored = stored
        self.names = [name_of(one) for one in stored]
        self.far = False


@dataclass
class Ids:
    """Which ids were accepted: the content and the generation of each, and its batch."""

    window_s: int = 0
    known: dict[bytes, tuple[bytes, int]] = field(default_factory=dict)
    batches: dict[bytes, str] = field(default_factory=dict)

    def offered(self, one: Entry, now: int) -> Fate:
        if not self.window_s:
            return Fate.BUFFERED
        generation = 2 * now // (1000 * self.window_s)
        content, noted = self.known.get(one.print[:8], (b"", -3))
        if generation - noted > 2:
            self.known[one.print[:8]] = one.print[8:], generation
            return Fate.BUFFERED
        return Fate.DUPLICATE if content == one.print[8:] else Fate.CONFLICT


@dataclass
class Model:
    """Every event that was ever accepted, and for each order key those that are still to be sent, in order."""

    events: dict[str, Known] = field(default_factory=dict)
    queues: defaultdict[tuple[str, str], list[str]] = field(default_factory=lambda: defaultdict(list))
    accounts: defaultdict[str, Account] = field(default_factory=lambda: defaultdict(Account))
    circuit: Circuit = field(default_factory=Circuit)
    paused: bool = False
    bounds: Bounds = field(default_factory=Bounds)
    ids: Ids = field(default_factory=Ids)
    died: int = 0  # so often: an event that is sent again may die again
    delivered: int = 0

    def offered(self, entries: Sequence[Entry], places: Sequence[int], now: int) -> list[Fate]:
        """What becomes of each. `places`: the order in which the call holds them, where the first of an id counts."""
        fates = {place: self.ids.offered(entries[place], now) for place in places}
        for place, one in enumerate(entries):
            if fates[place] is Fate.BUFFERED:
                name = name_of(one.stored)
                self.events[name] = Known((one.account, one.order, one.kind), one.size)
                self._queue(name)
        return [fates[place] for place in range(len(entries))]

    def full(self, bounds: Mapping[str, int]) -> bool:
        """Whether as much waits, in events or in bytes, as these bounds allow."""
        waiting = [known.size for known in self.events.values() if known.state in ("queued", "in_flight")]
        of = {"max_buffered_events": len(waiting), "max_buffered_bytes": sum(waiting)}
        return any(of[name] >= most for name, most in bounds.items())

    def claim_begins(self, now: int) -> int | None:
        """How many batches a claim may take in all; None for any number."""
        return 0 if self.paused else self.circuit.most(now)

    def claimed(self, flight: Flight, now: int, lease_ms: int) -> None:
        """A batch was handed out: one that nobody has, that is due, and that is the head of its order key."""
        batch, names = flight.batch, flight.names
        account = self.accounts[batch.account]
        assert not self.paused, "claimed though all of it is paused"
        assert not account.barred(now), "claimed though the account is held"
        assert len(names) == batch.events
        if batch.order:
            assert self.queues[batch.account, batch.order][: len(names)] == names, "out of order"
        flight.far = account.looks_far
        for name in names:
            self._taken_up(self.events[name], batch, now, lease_ms)
        assert batch.probe == (self.circuit.until is not None)
        if batch.probe:
            assert self.circuit.until is not None
            assert self.circuit.until <= now, "claimed though the circuit is open"
            self.circuit.probed(batch.id, now + lease_ms)

    @staticmethod
    def _taken_up(known: Known, batch: Batch, now: int, lease_ms: int) -> None:
        assert known.key == (batch.account, batch.order, batch.kind)
        assert known.state in ("queued", "in_flight"), f"it was {known.state} already"
        assert known.state == "queued" or known.lease_ends <= now, "claimed twice"
        assert known.not_before <= now, "claimed before it was due"
        known.attempts += 1
        known.tried = now if known.tried is None else known.tried
        assert (batch.attempts, batch.tried_for) == (known.attempts, now - known.tried)
        known.state, known.lease_ends = "in_flight", now + lease_ms

    def settled(self, flight: Flight, ends: str, told: Settlement, now: int, batches: int) -> Settled:
        """One letter an event: (d)elivered, (x) dead, (a)gain or (b) again. Gives what the script should have said.

        `batches`: how many there were before.
        """
        name, verdict = flight.batch.account, told.verdict
        account = self.accounts[name]
        was_parked, was_open = account.parked, self.circuit.until is not None
        keeps, parks = self._account_hears(account, flight, ends, told, now, batches)
        opened = self.circuit.heard(verdict, flight.batch.id, now, self.bounds)
        refund = told.refund or keeps or (was_open and verdict is Verdict.FAILED)
        due = now + max(0, *(part.delay_ms for part in told.again), 0)
        ends, due = ("a" * len(ends), now) if keeps else (ends, due)
        self._end(flight, ends, due, refund=refund, renewed=told.renewed and not keeps)
        letters = sum(known.state == "dead" and known.key[0] == name for known in self.events.values())
        parks |= verdict is Verdict.PARKED or ("x" in ends and 0 < self.bounds.most_dead <= letters)
        if parks and not was_parked:
            account.park(told.credentials)
        answer = (Settled.PUT_BACK, keeps), (Settled.CIRCUIT_OPENED, opened)
        told_parked = (Settled.ACCOUNT_PARKED, parks and not was_parked)
        return Settled(Settled.DONE | sum(flag for flag, is_so in (*answer, told_parked) if is_so))

    def _account_hears(
        self, account: Account, flight: Flight, ends: str, told: Settlement, now: int, batches: int
    ) -> tuple[bool, bool]:
        if told.verdict is Verdict.TAKEN:
            account.taken(batches)
        elif told.verdict is Verdict.LIMITED:
            account.limited(now, told.hold_ms)
        elif told.verdict is Verdict.REFUSED:
            first = self.events[flight.names[0]].root
            root = batches if first is None else first
            keeps, parks = account.refused(single=set(ends) == {"x"}, far=flight.far, root=root)
            for name in flight.names if not keeps else ():
                self.events[name].root = root
            return keeps, parks
        return False, False

    def _end(self, flight: Flight, ends: str, due: int, *, refund: bool, renewed: bool) -> None:
        for name, end in zip(flight.names, ends, strict=True):
            known = self.events[name]
            known.state = {"d": "delivered", "x": "dead"}.get(end, "queued")
            self.died += end == "x"
            self.delivered += end == "d"
            known.not_before = due
            known.attempts = 0 if renewed else known.attempts - refund
            known.tried = known.tried if known.attempts else None
            if end in "dx" and known.key[1]:
                self.queues[known.key[:2]].remove(name)

    def replayed(self, names: Sequence[str]) -> None:
        for name in names:
            known = self.events[name]
            assert known.state == "dead"
            known.state, known.attempts, known.not_before = "queued", 0, 0
            known.tried, known.root = None, None
            self._queue(name)

    def discarded(self, names: Sequence[str]) -> None:
        for name in names:
            self.events[name].state = "discarded"

    def erased(self, names: Sequence[str]) -> None:
        """They were to be sent, and nobody had them."""
        for name in names:
            known = self.events[name]
            assert known.state == "queued"
            known.state = "discarded"
            if known.key[1]:
                self.queues[known.key[:2]].remove(name)

    def check(self, picture: Picture, now: int) -> None:
        """Each event is where it should be and nowhere else; and Redis knows of every hold what the model knows."""
        self._events_are_there(picture)
        self._counters_agree(picture)
        for name, account in self.accounts.items():
            assert Account.seen(picture.hashes.get(name, {}), account, now) == account, name
        meta = picture.fixed.get("meta", {})
        assert (b"paused" in meta) == self.paused
        assert Circuit.seen(meta) == self.circuit

    def _events_are_there(self, picture: Picture) -> None:
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

    def _counters_agree(self, picture: Picture) -> None:
        """Those in Redis, and the records of the batches."""
        counted = sum(count for name, count in picture.stats.items() if name.startswith("died:"))
        entries = [entry for record in picture.records.values() for entry in record]
        told = sum(entry.get("d", 0) for entry in entries), sum(entry.get("x", 0) for entry in entries)
        assert told == (self.delivered, self.died) == (picture.ledger["delivered"], counted)
        assert all(entry["e"] == sum(entry.get(way, 0) for way in "dxa") for entry in entries)

    def _in_state(self, state: str) -> list[str]:
        return [name for name, known in self.events.items() if known.state == state]

    def _queue(self, name: str) -> None:
        account, order, _ = self.events[name].key
        if order:
            self.queues[account, order].append(name)
