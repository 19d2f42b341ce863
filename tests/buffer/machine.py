"""Does anything to a slot that producers, workers and operators may do, in any order, and compares with the model."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Coroutine, Sequence
from typing import Any, ClassVar, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from producers.keys import Slot
from tests.buffer.invariants import check
from tests.buffer.model import Model
from tests.buffer.picture import Picture
from tests.buffer.support import World, event, name_of, settlement, whole
from worker.buffer.batches import Batch, Claimed, Settled, Settlement

Answer = TypeVar("Answer")
ACCOUNTS = st.sampled_from(["a", "b", "ü:{c}"])
ORDERS, KINDS = st.sampled_from(["", "", "o1", "o:2"]), st.sampled_from(["", "", "k"])
SIZES = st.sampled_from([(25,) * 4, (30, 25, 25), (25,) * 9, (60,) * 3, (130,), (25, 130, 30, 60, 60, 25)])
EVENTS = st.lists(st.tuples(ACCOUNTS, ORDERS, KINDS, SIZES), min_size=1, max_size=3)
CAP_EVENTS, CAP_BYTES, LINGER_MS, LEASE_MS, MOST_AN_ACCOUNT = 4, 120, 50, 300, 2
DELAYS = st.sampled_from([0, 10, 500])


class Flight:
    """A batch that a worker was given, with what it read."""

    def __init__(self, batch: Batch, stored: list[bytes]) -> None:
        self.batch = batch
        self.stored = stored
        self.names = [name_of(one) for one in stored]


class BufferMachine(RuleBasedStateMachine):
    """Its rules are what can happen; the checks stand in `World`, `check` and `Model`."""

    runner: ClassVar[asyncio.Runner]
    client: ClassVar[Any]

    def __init__(self) -> None:
        super().__init__()
        self.model = Model()
        self.flights: list[Flight] = []
        self.superseded: list[Flight] = []
        self.numbers_gone: list[str] = []
        self.count = 0

    def do(self, work: Coroutine[Any, Any, Answer]) -> Answer:
        return self.runner.run(work)

    @initialize()
    def begin(self) -> None:
        self.do(self.client.flushdb())
        self.do(self.client.script_flush())  # else a run would depend on the one before
        self.world = World(
            self.client,
            Slot("machine", "event-api", 0),
            cap_events=CAP_EVENTS,
            cap_bytes=CAP_BYTES,
            linger_ms=LINGER_MS,
            lease_ms=LEASE_MS,
            most_an_account=MOST_AN_ACCOUNT,
            now=1_800_000_000_000,
        )
        self.world.checked = False
        self.picture = Picture()

    def look(self) -> None:
        """After every operation."""
        self.picture = self.do(self.world.picture())
        check(self.picture, self.world.now, MOST_AN_ACCOUNT)
        self.model.check(self.picture)

    @rule(runs=EVENTS)
    def events_come(self, runs: list[tuple[str, str, str, tuple[int, ...]]]) -> None:
        entries = []
        for account, order, kind, sizes in runs:
            for size in sizes:
                entries.append(event(f"{self.count}", account, order, kind, size=size))
                self.count += 1
        assert self.do(self.world.append(*entries)) == len(entries)
        self.model.accepted(entries)
        self.look()
        for batch in self.picture.batches.values():
            assert batch.events == 1 or (batch.events <= CAP_EVENTS and batch.size <= CAP_BYTES)

    @rule(ms=st.sampled_from([1, 50, 500]))
    def time_passes(self, ms: int) -> None:
        self.world.later(ms)

    @rule(most=st.sampled_from([50, 3, 2, 1, 0]), ms=st.sampled_from([50, 0, 500]))
    def a_worker_claims(self, most: int, ms: int) -> None:
        """After a while, so that there mostly is something to claim."""
        self.world.later(ms)
        self.took(self.do(self.world.claim(most)), most)

    def took(self, claimed: Claimed, most: int) -> None:
        possible = self.claimable()
        assert len(claimed.batches) <= most
        if most >= len(self.model_accounts()):
            assert len(claimed.batches) == min(most, sum(possible.values())), "something due was not claimed"
        self.note(claimed)

    def note(self, claimed: Claimed) -> None:
        for batch, stored in zip(claimed.batches, self.do(self.world.buffer.read(claimed.batches)), strict=True):
            flight = Flight(batch, stored)
            self.superseded += [old for old in self.flights if old.batch.id == batch.id]
            self.flights = [old for old in self.flights if old.batch.id != batch.id]
            self.flights.append(flight)
            self.model.claimed(batch, flight.names, self.world.now, LEASE_MS)
        self.look()

    def model_accounts(self) -> set[str]:
        return {batch.account for batch in self.picture.batches.values()}

    def claimable(self) -> dict[str, int]:
        """How many batches of each account a claim may take now, from what was in Redis before it."""
        found = {}
        for account in self.model_accounts():
            if self.model.holds.get(account, 0) > self.world.now:
                continue
            leases = self.picture.leases.get(account, {}).values()
            lapsed = sum(end <= self.world.now for end in leases)
            due = sum(at <= self.world.now for at in self.picture.due.get(account, {}).values())
            found[account] = lapsed + min(due, max(0, MOST_AN_ACCOUNT - len(leases)))
        return found

    @precondition(lambda self: self.flights)
    @rule(ends=st.lists(st.sampled_from("abdx"), min_size=4, max_size=4), delay=DELAYS, last=st.booleans())
    def an_attempt_ends(self, ends: list[str], delay: int, last: bool) -> None:
        flight = self.flights.pop(-1 if last else 0)
        self.ended(flight, ends[: len(flight.names)], delay)

    @precondition(lambda self: self.flights)
    @rule(ends=st.lists(st.sampled_from(["abdx", "aabb", "dada", "xaxb"]), min_size=1, max_size=4), delay=DELAYS)
    def attempts_end(self, ends: list[str], delay: int) -> None:
        """Each in its own way, some not yet."""
        for one in ends[: len(self.flights)]:
            flight = self.flights.pop(0)
            self.ended(flight, one[: len(flight.names)], delay)

    @precondition(lambda self: self.flights)
    @rule(end=st.sampled_from("xd"))
    def an_attempt_ends_alike_for_all(self, end: str) -> None:
        flight = self.flights.pop(0)
        self.ended(flight, end * len(flight.names), 0)

    @precondition(lambda self: self.flights)
    @rule(delay=DELAYS, how=st.sampled_from(["retry", "refund", "renew"]))
    def a_batch_is_sent_again(self, delay: int, how: str) -> None:
        flight = self.flights.pop(0)
        again = whole(flight.batch, delay)._replace(refund=how == "refund", renewed=how == "renew")
        assert self.do(self.world.settle(flight.batch, again))
        self.model.settled(flight.names, "a" * len(flight.names), self.world.now + delay)
        if how != "retry":
            self.model.refunded(flight.names, to=0 if how == "renew" else flight.batch.attempts - 1)
        self.look()
        assert (flight.batch.id in self.picture.batches) == (how != "renew")
        self.superseded.append(flight)

    def ended(self, flight: Flight, ends: Sequence[str], delay: int) -> None:
        assert self.do(self.world.settle(flight.batch, settlement(flight.batch, flight.stored, ends, delay)))
        self.model.settled(flight.names, ends, self.world.now + delay)
        self.look()

    @precondition(lambda self: self.flights)
    @rule(data=st.data(), most=st.sampled_from([1, 50]))
    def many_attempts_end_and_the_next_is_claimed(self, data: st.DataObject, most: int) -> None:
        """In one round trip, one of them with an old token."""
        stale = data.draw(st.lists(st.sampled_from(self.superseded), max_size=1)) if self.superseded else []
        self.deliver_all_and_claim(most, stale)

    def deliver_all_and_claim(self, most: int, stale: Sequence[Flight] = ()) -> Claimed:
        flights, self.flights = self.flights, []
        ended = [(one.batch, Settlement(one.batch.events)) for one in (*flights, *stale)]
        settled, claimed = self.do(self.world.settle_and_claim(ended, most))
        assert settled == [Settled.DONE] * len(flights) + [False] * len(stale), settled
        for flight in flights:
            self.model.settled(flight.names, "d" * len(flight.names), 0)
        self.note(claimed)
        return claimed

    @precondition(lambda self: self.flights)
    @rule()
    def workers_die_and_others_take_over(self) -> None:
        self.world.later(LEASE_MS)
        self.took(self.do(self.world.claim(50)), 50)

    @precondition(lambda self: self.superseded)
    @rule(data=st.data())
    def a_worker_settles_too_late(self, data: st.DataObject) -> None:
        flight = data.draw(st.sampled_from(self.superseded[::-1]))
        ends = data.draw(st.sampled_from(["d", "x", "a"])) * len(flight.names)
        before = self.picture
        assert not self.do(self.world.settle(flight.batch, settlement(flight.batch, flight.stored, ends)))
        self.look()
        before.fixed["meta"] = self.picture.fixed["meta"]  # the counter of such settles
        assert self.picture == before

    @rule(account=ACCOUNTS, duration=st.sampled_from([0, 40, 400]))
    def an_account_is_held(self, account: str, duration: int) -> None:
        self.do(self.world.hold(account, duration))
        self.model.holds[account] = self.world.now + duration if duration else 0
        self.look()

    @precondition(lambda self: self.picture.letters)
    @rule(data=st.data(), operation=st.sampled_from(["replay", "replay", "discard"]))
    def an_operator_deals_with_letters(self, data: st.DataObject, operation: str) -> None:
        """Also with some that somebody else has dealt with already."""
        letters = self.picture.letters
        some = data.draw(st.lists(st.sampled_from(sorted(letters)), min_size=1, unique=True))
        gone = data.draw(st.lists(st.sampled_from(self.numbers_gone), max_size=2)) if self.numbers_gone else []
        names = [name_of(letters[number]["event"]) for number in some]
        run = self.world.replay if operation == "replay" else self.world.discard
        assert self.do(run([*gone, *some])) == len(some)
        (self.model.replayed if operation == "replay" else self.model.discarded)(names)
        self.numbers_gone += some
        self.look()

    @rule()
    def redis_forgets_its_scripts(self) -> None:
        self.do(self.client.script_flush())

    def teardown(self) -> None:
        """Whatever happened: as time goes on, everything that waits is found and delivered, and nothing is left."""
        if sys.exc_info()[0]:
            return  # a rule has failed already
        self.flights = []  # their workers died
        while True:
            claimed = self.deliver_all_and_claim(50)
            if claimed.next_due is not None:
                self.world.now = max(self.world.now, claimed.next_due)
            elif not claimed.batches:
                break
        assert not self.picture.batches
        letters = {"letter", "dead", "dead_ids", "dead_counts"}
        assert set(self.picture.keys) <= {"meta", "ledger", "account", "held", "latest", *letters}
