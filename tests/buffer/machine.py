"""Does anything to a slot that producers, workers and operators may do, in any order, and compares with the model."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from producers.scripts import load
from tests.buffer.machine_answers import Answers
from tests.buffer.machine_core import LEASE_MS
from tests.buffer.machine_erasing import PEOPLE, Erasers
from tests.buffer.machine_operators import Operators
from tests.buffer.machine_producers import EVENTS, Producers
from tests.buffer.machine_replays import Replayers
from tests.buffer.model import Flight
from tests.buffer.support import settlement
from worker.buffer.batches import Claimed, Settled, Settlement, Verdict
from worker.buffer.holds import EVERYTHING

MOST = st.sampled_from([50, 3, 2, 1, 0])


class BufferMachine(Producers, Answers, Operators, Erasers, Replayers):
    """What workers do; what producers and operators do and what an API answers stand in the classes above it."""

    @rule(runs=EVENTS, ends=st.sampled_from(["", "dada", "adad", "abdx", "aabb"]), person=PEOPLE)
    def much_comes_and_a_person_is_erased(
        self, runs: list[tuple[str, str, str, tuple[int, ...]]], ends: str, person: tuple[int, int]
    ) -> None:
        """Also when an attempt has just left parts that share a list."""
        self.offer([self.new(account, order, kind, size) for account, order, kind, sizes in runs for size in sizes], {})
        if ends:
            self.an_attempt_ends(ends, 0, last=True, verdict=Verdict.TAKEN)
        self.a_person_is_erased(person)

    @rule(most=MOST, ms=st.sampled_from([50, 0, 500]), times=st.sampled_from([1, 1, 6]))
    def a_worker_claims(self, most: int, ms: int, times: int) -> None:
        """After a while, so that there mostly is something to claim."""
        for _ in range(times):
            self.world.later(ms)
            self.took(self.do(self.world.claim(most)), most)

    @rule(ms=st.sampled_from([0, 1, 50, 500, 2000]))
    def time_passes_and_the_dispatcher_looks(self, ms: int) -> None:
        """It sends a task whenever a worker would find something, and never while nothing may go at all."""
        self.world.later(ms)
        note = self.world.slot.key("dispatched")
        args = (len(self.world.slot.fixed), *self.world.slot.fixed, self.world.now, 60_000, "token")
        sends = self.do(self.client.eval(load("worker.buffer", "dispatch").text, *args))
        self.do(self.client.delete(note))
        allowed = self.model.claim_begins(self.world.now)
        assert sends or allowed == 0 or not sum(self.claimable().values()), "work that nobody is told of"
        assert not sends or allowed != 0

    @precondition(lambda self: self.flights)
    @rule(data=st.data(), most=st.sampled_from([1, 50]))
    def many_attempts_end_and_the_next_is_claimed(self, data: st.DataObject, most: int) -> None:
        """In one round trip, one of them with an old token."""
        stale = data.draw(st.lists(st.sampled_from(self.superseded), max_size=1)) if self.superseded else []
        self.deliver_all_and_claim(most, stale)

    def deliver_all_and_claim(self, most: int, stale: Sequence[Flight] = ()) -> Claimed:
        flights, self.flights = self.flights, []
        ended = [(one.batch, Settlement(one.batch.events, verdict=Verdict.TAKEN)) for one in (*flights, *stale)]
        self.passed = {}
        settled, claimed = self.do(self.world.settle_and_claim(ended, most))
        assert settled == [Settled.DONE] * len(flights) + [Settled.STALE] * len(stale), settled
        for flight, (_, told) in zip(flights, ended, strict=False):
            self.model.settled(flight, "d" * len(flight.names), told, self.world.now, self.batches_so_far())
        self.note(claimed)
        return claimed

    @precondition(lambda self: self.flights)
    @rule()
    def workers_die_and_others_take_over(self) -> None:
        self.world.later(LEASE_MS)
        self.took(self.do(self.world.claim(50)), 50)

    @precondition(lambda self: self.superseded)
    @rule(data=st.data(), verdict=st.sampled_from(Verdict))
    def a_worker_settles_too_late(self, data: st.DataObject, verdict: Verdict) -> None:
        """Whatever it learned: nothing changes, of account and circuit neither."""
        taken_over = [
            one for one in self.superseded if self.picture.leases.get(one.batch.account, {}).get(one.batch.id)
        ]
        flight = data.draw(st.sampled_from((taken_over or self.superseded)[::-1]))
        ends = data.draw(st.sampled_from(["d", "x", "a"])) * len(flight.names)
        before = self.picture
        told = settlement(flight.batch, flight.stored, ends)._replace(verdict=verdict, credentials="old")
        assert self.do(self.world.settle(flight.batch, told)) == Settled.STALE
        self.look()
        for picture in (before, self.picture):
            picture.fixed["meta"].pop(b"stale_settles", None)  # the counter of such settles
        assert self.picture == before

    @rule()
    def redis_forgets_its_scripts(self) -> None:
        self.do(self.client.script_flush())

    def teardown(self) -> None:
        """Whatever happened: once it is resumed, and as time goes on, all that waits is found and delivered."""
        if sys.exc_info()[0]:
            return  # a rule has failed already
        self.flights = []  # their workers died
        self.resumes([*self.model.accounts, *([EVERYTHING] if self.model.paused else [])], "both", "")
        while True:
            claimed = self.deliver_all_and_claim(50)
            if claimed.next_due is not None:
                self.world.now = max(self.world.now, claimed.next_due)
            elif not claimed.batches:
                break
        assert not self.picture.batches
        letters = {"letter", "dead", "dead_ids", "dead_counts", "dead_of", "dead_expires"}
        replays = {"replays", "replay", "aside", "replaying"}
        rest = {"meta", "ledger", "account", "held", "latest", "ids", "noted"}
        assert set(self.picture.keys) <= {*rest, *letters, *replays}
