"""Whatever an API may answer, and how an attempt ends by it."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import rule

from tests.buffer.machine_core import Core
from tests.buffer.model import Flight
from tests.buffer.support import name_of, settlement, whole
from worker.buffer.batches import SMALLEST_FIRST, Verdict

DELAYS = st.sampled_from([0, 10, 500])
TOLD = st.sampled_from([Verdict.TAKEN, Verdict.TAKEN, Verdict.NOTHING, Verdict.ANSWERED])
LAST = st.booleans()  # of those in flight, the last claimed, or the first


class Answers(Core):
    """A settlement of each kind that `worker.delivery.settling` makes."""

    def one_under_way(self, last: bool) -> Flight | None:
        """A batch in flight: the one that was claimed last, or first; after a claim if there is none."""
        if not self.flights:
            self.world.later(50)
            self.took(self.do(self.world.claim()), 100)
        return self.flights.pop(-1 if last else 0) if self.flights else None

    @rule(ends=st.text("abdx", min_size=4, max_size=4), delay=DELAYS, last=LAST, verdict=TOLD)
    def an_attempt_ends(self, ends: str, delay: int, last: bool, verdict: Verdict) -> None:
        flight = self.one_under_way(last)
        if flight is None:
            return
        ends = ends[: len(flight.names)]
        self.ends(flight, ends, settlement(flight.batch, flight.stored, ends, delay)._replace(verdict=verdict))

    @rule(ends=st.lists(st.sampled_from(["abdx", "aabb", "dada", "xaxb", "dddd"]), min_size=1, max_size=9))
    def requests_are_taken(self, ends: list[str]) -> None:
        """Each in its own way, some not yet answered."""
        for one in ends:
            self.an_attempt_ends(one, 0, last=False, verdict=Verdict.TAKEN)

    @rule(end=st.sampled_from("xd"))
    def an_attempt_ends_alike_for_all(self, end: str) -> None:
        flight = self.one_under_way(last=False)
        if flight is None:
            return
        ends = end * len(flight.names)
        self.ends(flight, ends, settlement(flight.batch, flight.stored, ends))

    @rule(last=LAST, expired=st.sampled_from([False, False, True]))
    def a_request_is_refused(self, last: bool, expired: bool) -> None:
        """A single event is dead; of more there are two halves. What expired meanwhile was in no request."""
        flight = self.one_under_way(last)
        if flight is None:
            return
        out = 1 if expired and len(flight.names) > 1 else 0
        sent = len(flight.names) - out
        ends = "x" * out + ("x" if sent == 1 else "a" * (sent // 2) + "b" * (sent - sent // 2))
        told = settlement(flight.batch, flight.stored, ends, SMALLEST_FIRST)
        self.ends(flight, ends, told._replace(verdict=Verdict.REFUSED, renewed=sent > 1, reason="no"))
        for batch in self.picture.batches.values():
            if batch.state == "ready" and {name_of(one) for one in batch.stored} <= set(flight.names):
                assert batch.due == batch.events, "the smallest first, and all before what is whole"

    @rule(times=st.sampled_from([2, 6, 14]))
    def everything_is_refused(self, times: int) -> None:
        """As if the fault were one of every request."""
        for _ in range(times):
            self.a_request_is_refused(last=False, expired=False)

    @rule(last=LAST, hold_ms=st.sampled_from([0, 40, 400]))
    def a_request_is_limited(self, last: bool, hold_ms: int) -> None:
        self.goes_back(last, Verdict.LIMITED, hold_ms=hold_ms)

    @rule(last=LAST, credentials=st.sampled_from(["old", "new"]))
    def credentials_are_refused(self, last: bool, credentials: str) -> None:
        self.goes_back(last, Verdict.PARKED, credentials=credentials)

    @rule(last=LAST)
    def a_batch_is_given_back_unsent(self, last: bool) -> None:
        self.goes_back(last, Verdict.NOTHING)

    def goes_back(self, last: bool, verdict: Verdict, hold_ms: int = 0, credentials: str = "") -> None:
        flight = self.one_under_way(last)
        if flight is None:
            return
        told = whole(flight.batch, refund=True)._replace(verdict=verdict, hold_ms=hold_ms, reason="why")
        self.ends(flight, "a" * len(flight.names), told._replace(credentials=credentials))
        assert flight.batch.id in self.picture.batches

    @rule(last=LAST, delay=DELAYS, exhausted=st.sampled_from([False, False, True]))
    def a_request_fails(self, last: bool, delay: int, exhausted: bool) -> None:
        """No sign of the API: all of it again after a delay, or dead after its last attempt."""
        flight = self.one_under_way(last)
        if flight is None:
            return
        ends = ("x" if exhausted else "a") * len(flight.names)
        told = settlement(flight.batch, flight.stored, ends, delay)
        self.ends(flight, ends, told._replace(verdict=Verdict.FAILED))

    @rule(delay=DELAYS)
    def everything_fails(self, delay: int) -> None:
        for _ in range(max(3, len(self.flights))):
            self.a_request_fails(last=False, delay=delay, exhausted=False)

    @rule(delay=DELAYS, renewed=st.booleans(), verdict=st.sampled_from([Verdict.ANSWERED, Verdict.NOTHING]))
    def a_batch_is_sent_again(self, delay: int, renewed: bool, verdict: Verdict) -> None:
        flight = self.one_under_way(last=False)
        if flight is None:
            return
        again = whole(flight.batch, delay)._replace(renewed=renewed, verdict=verdict)
        self.ends(flight, "a" * len(flight.names), again)
        assert (flight.batch.id in self.picture.batches) == (not renewed)
