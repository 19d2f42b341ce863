"""From an outcome to a settlement: every event ends in exactly one place."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.destinations.event_api import EVENT_API
from producers.destinations.outcomes import Delivered, Limited, Outcome, Reason, Rejected, Retry, Unauthorized
from producers.stored_event import StoredEvent, decode, payload_of
from tests.unit.samples import NOW, batch, payload, stored
from worker.buffer.batches import SMALLEST_FIRST, Settlement, Verdict
from worker.delivery.attempt import Attempt
from worker.delivery.history import HISTORY_KEPT
from worker.delivery.settling import Next, exhausted, given_back, settle

REASON = Reason("ValidationError", "Invalid content")
DELAY = 1500
HOLDING = (Verdict.REFUSED, Verdict.LIMITED, Verdict.PARKED)


def attempt_at(events: int, *, first: int = 0, attempts: int = 3) -> Attempt:
    """An attempt at events with the ids 0, 1, 2, …"""
    bodies = [stored(payload(str(number))) for number in range(events)]
    return Attempt(batch(events, first=first, attempts=attempts), bodies, EVENT_API.event_id, NOW, 200, "trace-1")


class Case(NamedTuple):
    """Any end of an attempt: what was sent, what was left out, what the answer meant."""

    attempt: Attempt
    sent: list[int]
    expired: list[int]
    outcome: Outcome
    last: bool


@st.composite
def cases(draw: st.DrawFn) -> Case:
    events = draw(st.integers(1, 12))
    attempt = attempt_at(events, first=draw(st.integers(0, 50)))
    fate = draw(st.lists(st.sampled_from("esdlu"), min_size=events, max_size=events))
    sent = [place for place in range(events) if fate[place] != "e"]
    expired = [place for place in range(events) if fate[place] == "e"]
    fates = [fate[place] for place in sent]
    some = Delivered(
        {place: (REASON,) for place, each in enumerate(fates) if each == "d"},
        frozenset(place for place, each in enumerate(fates) if each == "l"),
        frozenset(place for place, each in enumerate(fates) if each == "u"),
    )
    others: list[Outcome] = [Rejected((REASON,)), Retry((REASON,)), Limited((REASON,)), Unauthorized((REASON,))]
    any_ = [some, some, *others]
    outcome = draw(st.sampled_from(any_)) if sent else Delivered()
    return Case(attempt, sent, expired, outcome, draw(st.booleans()))


def settled(case: Case) -> Settlement:
    return settle(case.attempt, case.sent, case.outcome, case.expired, Next(DELAY, case.last))


def places_again(case: Case, settlement: Settlement) -> list[int]:
    first = case.attempt.batch.first
    return [place - first for part in settlement.again for place in range(part.first, part.last + 1)]


def dead_ids(settlement: Settlement) -> list[str]:
    return [death.id for death in settlement.dead]


@given(cases())
def test_delivered_dead_and_again_make_up_the_batch(case: Case) -> None:
    """The ledger balances only if this holds for every outcome."""
    settlement = settled(case)
    again = places_again(case, settlement)
    assert settlement.delivered + len(settlement.dead) + len(again) == len(case.attempt.stored)
    assert settlement.delivered >= 0
    assert not set(dead_ids(settlement)) & {str(place) for place in again}
    assert settlement.refund == isinstance(case.outcome, Limited | Unauthorized)


@given(cases())
def test_parts_are_valid_disjoint_and_in_order(case: Case) -> None:
    settlement = settled(case)
    whole = case.attempt.batch
    again = places_again(case, settlement)
    assert again == sorted(set(again))
    for part in settlement.again:
        assert whole.first <= part.first <= part.last <= whole.last
        if isinstance(case.outcome, Rejected):
            assert part.delay_ms == SMALLEST_FIRST
        else:
            assert part.delay_ms == (0 if settlement.refund else DELAY)
        bodies = case.attempt.stored[part.first - whole.first : part.last - whole.first + 1]
        if len(bodies) < whole.events:
            assert part.size == sum(len(payload_of(each)) + 1 for each in bodies)


@given(cases())
def test_what_was_not_taken_is_never_counted_as_delivered(case: Case) -> None:
    settlement = settled(case)
    if isinstance(case.outcome, Delivered):
        named = len(case.outcome.refused) + len(case.outcome.later) + len(case.outcome.unclear)
        assert settlement.delivered == len(case.sent) - named
    else:
        assert settlement.delivered == 0


@given(cases())
def test_after_the_last_attempt_nothing_is_sent_again(case: Case) -> None:
    """But what was not an attempt at its events: a request in halves, an account that waits."""
    if case.last and isinstance(case.outcome, Delivered | Retry):
        assert not settled(case).again


@given(cases())
def test_a_refused_request_of_several_events_is_sent_again_in_halves(case: Case) -> None:
    """All of it: only a single event is dead. The halves begin anew, for splitting is no attempt that failed."""
    settlement = settled(case)
    if isinstance(case.outcome, Rejected) and len(case.sent) > 1:
        assert places_again(case, settlement) == case.sent
        sizes = [part.last - part.first + 1 for part in settlement.again]
        assert settlement.renewed
        assert len(sizes) > 1
        assert len(case.expired) > 0 or max(sizes) - min(sizes) <= 1
    elif isinstance(case.outcome, Rejected):
        assert not settlement.again


VERDICTS: dict[str, tuple[Outcome, Verdict]] = {
    "taken": (Delivered(), Verdict.TAKEN),
    "a record refused": (Delivered({0: (REASON,)}), Verdict.TAKEN),
    "refused": (Rejected((REASON,)), Verdict.REFUSED),
    "limited": (Limited((REASON,), "2"), Verdict.LIMITED),
    "credentials refused": (Unauthorized((REASON,)), Verdict.PARKED),
    "failed": (Retry((REASON,)), Verdict.FAILED),
    "answered": (Retry((REASON,), answered=True), Verdict.ANSWERED),
}


@pytest.mark.parametrize(("outcome", "verdict"), VERDICTS.values(), ids=VERDICTS)
def test_each_outcome_says_what_it_means_for_the_account_and_the_api(outcome: Outcome, verdict: Verdict) -> None:
    attempt = attempt_at(2)._replace(requested=True, credentials="print")
    settlement = settle(attempt, [0, 1], outcome, (), Next(DELAY, hold_ms=2_000))
    assert settlement.verdict is verdict
    assert settlement.hold_ms == (2_000 if verdict is Verdict.LIMITED else 0)
    assert settlement.credentials == ("print" if verdict is Verdict.PARKED else "")
    assert settlement.reason == ("ValidationError: Invalid content" if verdict in HOLDING else "")


def test_a_failure_without_a_request_says_nothing_of_the_api() -> None:
    """The token endpoint is another one."""
    assert settle(attempt_at(1), [0], Retry((REASON,)), (), Next(DELAY)).verdict is Verdict.NOTHING


def test_a_batch_that_was_not_sent_says_nothing_of_the_api() -> None:
    assert settle(attempt_at(1), [], Delivered(), [0], Next(DELAY)).verdict is Verdict.NOTHING


@given(cases())
def test_an_expired_event_dies_unless_the_whole_batch_is_tried_again(case: Case) -> None:
    """Then it stays in its batch, whose number and bytes never change, and is put aside again."""
    settlement = settled(case)
    expired = {str(place) for place in case.expired}
    if settlement.refund or (isinstance(case.outcome, Retry) and not case.last):
        assert not settlement.dead
    else:
        assert {death.id for death in settlement.dead if death.code == "EventExpired"} == expired


@given(cases())
def test_a_dead_letter_holds_the_event_and_this_death(case: Case) -> None:
    for death in settled(case).dead:
        event = decode(death.stored)
        original = decode(case.attempt.stored[int(death.id)])
        (entry,) = event.history
        assert (event.payload, event.enqueued_at, event.event_time) == (
            original.payload,
            original.enqueued_at,
            original.event_time,
        )
        assert entry["at"] == "2026-11-22T10:00:00.000Z"
        assert (entry["batch"], entry["attempts"]) == (case.attempt.batch.id, case.attempt.batch.attempts)
        assert entry["reasons"][0]["code"] == death.code


def test_unclear_events_are_sent_again_one_by_one() -> None:
    case = Case(attempt_at(4, first=10), [0, 1, 2, 3], [], Delivered({}, frozenset(), frozenset({0, 1, 3})), last=False)
    assert [(part.first, part.last) for part in settled(case).again] == [(10, 10), (11, 11), (13, 13)]


def test_neighbours_with_a_fault_on_rokts_side_are_sent_again_together() -> None:
    case = Case(attempt_at(5, first=10), [0, 1, 2, 3, 4], [], Delivered({}, frozenset({0, 1, 3, 4})), last=False)
    assert [(part.first, part.last) for part in settled(case).again] == [(10, 11), (13, 14)]


def test_neighbours_in_the_request_with_an_expired_event_between_are_two_parts() -> None:
    """A part is a range of the stored list: it must not take up again what is dead."""
    case = Case(attempt_at(3), [0, 2], [1], Delivered({}, frozenset({0, 1})), last=False)
    settlement = settled(case)
    assert [(part.first, part.last) for part in settlement.again] == [(0, 0), (2, 2)]
    assert dead_ids(settlement) == ["1"]


def test_a_retry_keeps_the_batch_whole() -> None:
    case = Case(attempt_at(3, first=7), [0, 1, 2], [], Retry((REASON,)), last=False)
    (part,) = settled(case).again
    assert part == (7, 9, case.attempt.batch.size, DELAY)


def test_all_of_rokts_reasons_are_kept_and_the_first_is_the_code() -> None:
    reasons = (REASON, Reason("Other", "too"))
    (death,) = settled(Case(attempt_at(1), [0], [], Delivered({0: reasons}), last=False)).dead
    entry = decode(death.stored).history[-1]
    assert death.code == "ValidationError"
    assert entry["reasons"] == [reason._asdict() for reason in reasons]
    assert (entry["status"], entry["trace_id"]) == (200, "trace-1")


def test_an_event_that_expired_before_it_was_sent_does_not_bear_another_requests_answer() -> None:
    """Its letter says no status and no trace id: it was in no request."""
    (death,) = settled(Case(attempt_at(2), [1], [0], Delivered(), last=False)).dead
    entry = decode(death.stored).history[-1]
    assert (entry["status"], entry["trace_id"]) == (0, "")


def test_only_the_newest_deaths_are_remembered() -> None:
    old = tuple({"at": str(number)} for number in range(HISTORY_KEPT))
    body = StoredEvent(NOW, NOW, payload("0"), history=old).encode()
    attempt = Attempt(batch(1), [body], EVENT_API.event_id, NOW)
    (death,) = settle(attempt, [0], Rejected((REASON,)), (), Next(0)).dead
    history = decode(death.stored).history
    assert len(history) == HISTORY_KEPT
    assert history[0] == {"at": "1"}
    assert history[-1]["reasons"] == [REASON._asdict()]


@pytest.mark.parametrize("code", ["a\0b", "x" * 500, "\0"])
def test_a_code_is_fit_for_a_key_in_redis(code: str) -> None:
    (death,) = settled(Case(attempt_at(1), [0], [], Rejected((Reason(code, ""),)), last=False)).dead
    assert "\0" not in death.code
    assert len(death.code) <= 128


def test_a_batch_whose_workers_died_is_dead_whole() -> None:
    settlement = exhausted(attempt_at(3), Reason("AttemptsExhausted", "no worker lived"))
    assert (settlement.delivered, settlement.again) == (0, ())
    assert dead_ids(settlement) == ["0", "1", "2"]


def test_a_batch_that_is_given_back_is_whole_ready_and_not_charged() -> None:
    whole = batch(4, first=2)
    assert given_back(whole) == Settlement(0, again=((2, 5, whole.size, 0),), refund=True)  # type: ignore[arg-type]


FOREIGN = {
    "empty": b"",
    "one byte": b"\x00",
    "unknown flags": b"\xff" * 30,
    "cut off after its flags": b"\x01" + b"\0" * 16,
    "no JSON": StoredEvent(1, 2, b"no JSON").encode(),
}
MEANINGS = {
    "rejected": Rejected((REASON,)),
    "refused": Delivered({0: (REASON,)}),
    "later": Delivered({}, frozenset({0})),
}


@pytest.mark.parametrize("foreign", FOREIGN.values(), ids=FOREIGN)
@pytest.mark.parametrize("outcome", MEANINGS.values(), ids=MEANINGS)
def test_bytes_of_no_known_layout_can_die_and_be_sent_again(foreign: bytes, outcome: Outcome) -> None:
    """One broken event must not keep its batch from ever being settled."""
    bodies: Sequence[bytes] = [foreign, stored(payload("1"))]
    attempt = Attempt(batch(2), bodies, EVENT_API.event_id, NOW, 400)
    settlement = settle(attempt, [0, 1], outcome, (), Next(0))
    again = sum(part.last - part.first + 1 for part in settlement.again)
    assert settlement.delivered + len(settlement.dead) + again == 2


def test_a_dead_letter_of_foreign_bytes_keeps_them() -> None:
    attempt = Attempt(batch(1), [b"\xff\xff"], lambda _: "x", NOW)
    (death,) = exhausted(attempt, REASON).dead
    assert decode(death.stored).payload == b"\xff\xff"
    assert json.dumps(decode(death.stored).history)


@pytest.mark.parametrize("outcome", [Limited((REASON,)), Unauthorized((REASON,))])
def test_what_did_not_come_from_the_api_says_nothing_of_it(outcome: Outcome) -> None:
    """Missing credentials, or the token endpoint's word: the account waits, and the circuit learns nothing."""
    asked = attempt_at(1)._replace(requested=True)
    assert settle(asked, [0], outcome, (), Next(DELAY)).reached
    assert not settle(attempt_at(1), [0], outcome, (), Next(DELAY)).reached


def test_the_reason_that_an_account_is_held_for_names_no_address() -> None:
    """`status` shows it; an answer may quote an event."""
    told = Unauthorized((Reason("UnauthorizedError", "jane.doe@example.com is unknown"),))
    settlement = settle(attempt_at(1), [0], told, (), Next(1000))
    assert settlement.reason == "UnauthorizedError: *** is unknown"
