"""What every rule of the machine leans on: a slot with a clock, the model beside it, and a look after every step."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Coroutine
from typing import Any, ClassVar, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize

from producers.keys import Slot
from tests.buffer.ids_picture import ids_noted
from tests.buffer.invariants import check
from tests.buffer.model import Flight, Model
from tests.buffer.picture import Picture
from tests.buffer.support import World, name_of, print_of_letter
from worker.buffer.batches import Batch, Bounds, Claimed, Settlement
from worker.buffer.erasing import Owner, Run

Answer = TypeVar("Answer")
ACCOUNTS = st.sampled_from(["a", "b", "ü:{c}"])
CAP_EVENTS, CAP_BYTES, LINGER_MS, LEASE_MS, MOST_AN_ACCOUNT = 4, 120, 50, 300, 3
FAILURES = st.sampled_from([0, 2, 2])  # that open the circuit
MOST_DEAD = st.sampled_from([0, 0, 3])
WINDOWS = st.sampled_from([1, 1, 3_600, 0])  # seconds in which an id is accepted once


class Core(RuleBasedStateMachine):
    """Its rules stand in the classes above it; the checks in `World`, `check` and `Model`."""

    runner: ClassVar[asyncio.Runner]
    client: ClassVar[Any]
    steps: ClassVar[Counter[str]] = Counter()  # what was done, over all runs

    def __init__(self) -> None:
        super().__init__()
        self.model = Model()
        self.flights: list[Flight] = []
        self.superseded: list[Flight] = []
        self.numbers_gone: list[str] = []
        self.plans: list[tuple[Owner, list[Run]]] = []  # what an operator who erases has read
        self.passed: dict[str, set[int]] = {}  # accounts that could have been served, and when they were not
        self.count = 0

    def do(self, work: Coroutine[Any, Any, Answer]) -> Answer:
        return self.runner.run(work)

    def note_moved(self, letters: list[dict[str, bytes]]) -> None:
        """Of each event that is sent again the index knows its new batch, if it knew the id still."""
        noted = {one.id: one.batch for one in sorted(ids_noted(self.picture), key=lambda one: one.generation)}
        for letter in letters:
            id_ = print_of_letter(letter)
            batch = noted.get(id_)
            if batch is not None and batch != self.model.ids.batches[id_]:
                assert name_of(letter["event"]) in map(name_of, self.picture.batches[batch].stored)
                self.model.ids.batches[id_] = batch

    @initialize(failures=FAILURES, most_dead=MOST_DEAD, window_s=WINDOWS)
    def begin(self, failures: int, most_dead: int, window_s: int) -> None:
        self.do(self.client.flushdb())
        self.do(self.client.script_flush())  # else a run would depend on the one before
        self.model.ids.window_s = window_s
        self.model.bounds = Bounds(failures, 100, 350, most_dead, records_ms=86_400_000)
        self.world = World(
            self.client,
            Slot("machine", "event-api", 0),
            cap_events=CAP_EVENTS,
            cap_bytes=CAP_BYTES,
            linger_ms=LINGER_MS,
            lease_ms=LEASE_MS,
            most_an_account=MOST_AN_ACCOUNT,
            now=1_800_000_000_000,
            bounds=self.model.bounds,
            window_s=window_s,
        )
        self.world.checked = False
        self.picture = Picture()
        self.steps["examples"] += 1

    def look(self) -> None:
        """After every operation."""
        self.picture = self.do(self.world.picture())
        self.steps["steps"] += 1
        check(self.picture, self.world.now, MOST_AN_ACCOUNT)
        self.model.check(self.picture, self.world.now)

    def took(self, claimed: Claimed, most: int) -> None:
        """After a claim: as much as there was, of each account what was first in its line, and in turn."""
        possible = self.claimable()
        allowed = self.model.claim_begins(self.world.now)
        wanted = min(sum(possible.values()), most if allowed is None else min(most, allowed))
        assert len(claimed.batches) == wanted, "something due was not claimed, or too much was"
        self.firsts_in_line(claimed.batches)
        given = Counter(batch.account for batch in claimed.batches)
        if most >= len(possible):
            hungry = [given[account] for account in possible if given[account] < possible[account]]
            assert not hungry or max(given.values(), default=0) <= min(hungry) + 1, "accounts did not take turns"
        self.nobody_waits_for_ever(possible, given)
        self.note(claimed)
        assert most == 0 or claimed.batches or claimed.next_due is None or claimed.next_due > self.world.now

    def nobody_waits_for_ever(self, possible: dict[str, int], given: Counter[str]) -> None:
        """Who could be served is, before all others were twice. (At one moment there is no first and last.)"""
        passed = {account: self.passed.get(account, set()) for account, more in possible.items() if more}
        self.passed = {account: times for account, times in passed.items() if not given[account]}
        for times in self.passed.values() if given else ():
            times.add(self.world.now)
            assert len(times) <= 4, "an account was passed over again and again"

    def firsts_in_line(self, batches: list[Batch]) -> None:
        """Of each account first one whose lease is over, else what is due first, or last if it looks far.

        But as a probe, what has no lapsed lease goes first: that batch may have killed its worker.
        """
        now = self.world.now
        for batch in {batch.account: batch for batch in batches[::-1]}.values():
            lapsed = {id_: at for id_, at in self.picture.leases.get(batch.account, {}).items() if at <= now}
            due = {id_: at for id_, at in self.picture.due.get(batch.account, {}).items() if at <= now}
            told, leases = self.model.accounts[batch.account], self.picture.leases.get(batch.account, {})
            is_full = len(leases) >= told.most(MOST_AN_ACCOUNT)
            line = due if due and not is_full and (batch.probe or not lapsed) else lapsed
            far = told.looks_far and line is due
            assert line[batch.id] == (max if far else min)(line.values()), "not the first of its account"

    def note(self, claimed: Claimed) -> None:
        for batch, stored in zip(claimed.batches, self.do(self.world.buffer.read(claimed.batches)), strict=True):
            flight = Flight(batch, stored)
            self.superseded += [old for old in self.flights if old.batch.id == batch.id]
            self.flights = [old for old in self.flights if old.batch.id != batch.id]
            self.flights.append(flight)
            self.model.claimed(flight, self.world.now, LEASE_MS)
        self.look()

    def claimable(self) -> dict[str, int]:
        """How many batches of each account a claim may take now, from what was in Redis before it."""
        found = {}
        for account in {batch.account for batch in self.picture.batches.values()}:
            told = self.model.accounts[account]
            if told.barred(self.world.now):
                continue
            leases = self.picture.leases.get(account, {}).values()
            lapsed = sum(end <= self.world.now for end in leases)
            due = sum(at <= self.world.now for at in self.picture.due.get(account, {}).values())
            found[account] = lapsed + min(due, max(0, told.most(MOST_AN_ACCOUNT) - len(leases)))
        return found

    def batches_so_far(self) -> int:
        return int(self.picture.fixed["meta"].get(b"batches", 0))

    def ends(self, flight: Flight, ends: str, told: Settlement) -> None:
        """One letter an event, as in `tests.buffer.support.settlement`."""
        wanted = self.model.settled(flight, ends, told, self.world.now, self.batches_so_far())
        assert self.do(self.world.settle(flight.batch, told)) == wanted
        self.superseded.append(flight)
        self.steps[told.verdict or "nothing"] += 1
        for flag in wanted:
            self.steps[str(flag.name)] += 1
        self.look()
