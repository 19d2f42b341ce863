"""From an outcome to a settlement: which events are delivered, dead, or sent again, and when. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from producers.destinations.outcomes import (
    ALL_TAKEN,
    Delivered,
    Limited,
    Outcome,
    Reason,
    Rejected,
    Retry,
    Unauthorized,
)
from worker.buffer.batches import SMALLEST_FIRST, Batch, Part, Settlement, Verdict
from worker.delivery.attempt import MOST_REASONS, Attempt, bury, size_of
from worker.masking import masked

EXPIRED = Reason("EventExpired", "the event became too old to be accepted before it could be delivered")
_REASON_KEPT = 300  # characters, of what an account is held for

Deaths = Mapping[int, tuple[Reason, ...]]


class Next(NamedTuple):
    """When what is not settled for good is tried again. `last`: it is not, and dead instead."""

    delay_ms: int
    last: bool = False
    hold_ms: int = 0


NEVER = Next(0)  # nothing is left to be tried again


def settle(
    attempt: Attempt, sent: Sequence[int], outcome: Outcome, expired: Sequence[int], following: Next
) -> Settlement:
    """What becomes of each event of the batch.

    `sent`: the places in the batch of the events that were in the request, in its order. `expired`: those left out.
    """
    if not expired and sent and outcome == ALL_TAKEN:  # nearly always
        return Settlement(len(attempt.stored), verdict=Verdict.TAKEN)
    dead = dict.fromkeys(expired, (EXPIRED,))
    if isinstance(outcome, Rejected):
        return _rejected(attempt, outcome, dead, sent)
    if isinstance(outcome, Retry):
        return _retry(attempt, outcome, dead, sent, following)
    if isinstance(outcome, Limited | Unauthorized):
        return _held(attempt, outcome, following)
    return _delivered(attempt, outcome, dead, sent, following)


def exhausted(attempt: Attempt, reason: Reason) -> Settlement:
    """All dead, those that Redis has lost included: the batch cannot be tried (again)."""
    missing = [b""] * (attempt.batch.events - len(attempt.stored))
    whole = attempt._replace(stored=[*attempt.stored, *missing])
    return Settlement(0, bury(whole, dict.fromkeys(range(attempt.batch.events), (reason,))))


def whole_again(batch: Batch, delay_ms: int) -> Settlement:
    """The batch once more, after an attempt that told nothing."""
    return Settlement(0, again=(_whole(batch, delay_ms),))


def given_back(batch: Batch) -> Settlement:
    """The batch as it was, in its place in the line: the attempt is not spent."""
    return Settlement(0, again=(_whole(batch, 0),), refund=True)


def renewed(batch: Batch, delay_ms: int) -> Settlement:
    """The same events as a new batch without attempts."""
    return Settlement(0, again=(_whole(batch, delay_ms),), renewed=True, verdict=Verdict.ANSWERED)


def _whole(batch: Batch, delay_ms: int) -> Part:
    return Part(batch.first, batch.last, batch.size, delay_ms)


def _delivered(
    attempt: Attempt, outcome: Delivered, expired: Deaths, sent: Sequence[int], following: Next
) -> Settlement:
    dead = {**expired, **{sent[place]: reasons for place, reasons in outcome.refused.items()}}
    again = _again(outcome, sent)
    if following.last:
        dead |= _given_up(outcome, sent)
        again = []
    parts = tuple(_part(attempt, places, following.delay_ms) for places in again)
    kept = sum(len(places) for places in again)
    verdict = Verdict.TAKEN if sent else Verdict.NOTHING
    return Settlement(len(attempt.stored) - len(dead) - kept, bury(attempt, dead), parts, verdict=verdict)


def _rejected(attempt: Attempt, outcome: Rejected, expired: Deaths, sent: Sequence[int]) -> Settlement:
    """One event is dead; more are two halves, which begin anew, the smaller the sooner: so the bad one is found."""
    told = Settlement(0, verdict=Verdict.REFUSED, reason=_in_words(outcome.reasons))
    if len(sent) == 1:
        return told._replace(dead=bury(attempt, {**expired, sent[0]: outcome.reasons}))
    middle = len(sent) // 2
    halves = [run for half in (sent[:middle], sent[middle:]) for run in _runs(half)]
    parts = tuple(_part(attempt, places, SMALLEST_FIRST) for places in halves)
    return told._replace(dead=bury(attempt, expired), again=parts, renewed=True)


def _held(attempt: Attempt, outcome: Limited | Unauthorized, following: Next) -> Settlement:
    """Nothing is wrong with the events, so no attempt is spent; the account waits."""
    back = given_back(attempt.batch)._replace(reason=_in_words(outcome.reasons), reached=attempt.requested)
    if isinstance(outcome, Limited):
        return back._replace(verdict=Verdict.LIMITED, hold_ms=following.hold_ms)
    return back._replace(verdict=Verdict.PARKED, credentials=attempt.credentials)


def _retry(attempt: Attempt, outcome: Retry, expired: Deaths, sent: Sequence[int], following: Next) -> Settlement:
    """The whole batch again. What expired stays in it and is put aside again: the batch keeps its number and bytes."""
    verdict = Verdict.NOTHING if not attempt.requested else Verdict.ANSWERED if outcome.answered else Verdict.FAILED
    if following.last:
        dead = {**expired, **dict.fromkeys(sent, outcome.reasons)}
        return Settlement(0, bury(attempt, dead), verdict=verdict)
    return whole_again(attempt.batch, following.delay_ms)._replace(verdict=verdict)


def _again(outcome: Delivered, sent: Sequence[int]) -> list[list[int]]:
    """Runs of neighbours that are sent again together, and those that are sent one by one, in their order."""
    runs: list[list[int]] = []
    for place in sorted(outcome.later | outcome.unclear):
        joins = place in outcome.later and place - 1 in outcome.later and runs and runs[-1][-1] == sent[place] - 1
        if joins:
            runs[-1].append(sent[place])
        else:
            runs.append([sent[place]])
    return runs


def _runs(places: Iterable[int]) -> list[list[int]]:
    """Runs of neighbours: a part is a range."""
    runs: list[list[int]] = []
    for place in places:
        if runs and runs[-1][-1] == place - 1:
            runs[-1].append(place)
        else:
            runs.append([place])
    return runs


def _given_up(outcome: Delivered, sent: Sequence[int]) -> Iterator[tuple[int, tuple[Reason, ...]]]:
    reason = Reason("AttemptsExhausted", "no attempt brought a clear answer for this event")
    return ((sent[place], (reason,)) for place in outcome.later | outcome.unclear)


def _part(attempt: Attempt, places: Sequence[int], delay_ms: int) -> Part:
    first = attempt.batch.first
    size = sum(size_of(attempt.stored[place]) for place in places)
    return Part(first + places[0], first + places[-1], size, delay_ms)


def _in_words(reasons: Sequence[Reason]) -> str:
    """For `status`, which shows no person's data: a message may quote an event."""
    some = ((each.code, each.message[: 4 * _REASON_KEPT]) for each in reasons[:MOST_REASONS])
    words = "; ".join(f"{code}: {message}" if message else code for code, message in some)
    return masked(words[: 4 * _REASON_KEPT])[:_REASON_KEPT]
