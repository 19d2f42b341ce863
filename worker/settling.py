"""From an outcome to a settlement: which events are delivered, dead, or sent again, and when. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from producers.clock import rfc3339
from producers.destinations.outcomes import Delivered, Outcome, Reason, Rejected, Retry
from producers.stored_event import StoredEvent, decode
from worker.buffer.batches import Batch, Death, Part, Settlement

HISTORY_KEPT = 20
MOST_REASONS = 20  # a stranger may send any number, of any length
EXPIRED = Reason("EventExpired", "the event became too old to be accepted before it could be delivered")


class Attempt(NamedTuple):
    """One attempt, as its dead letters remember it. `at` in milliseconds; `status` 0 where no answer came."""

    batch: Batch
    stored: Sequence[bytes]
    event_id: Callable[[StoredEvent], str]
    at: int
    status: int = 0
    trace_id: str = ""


def settle(
    attempt: Attempt, sent: Sequence[int], outcome: Outcome, expired: Iterable[int], *, last: bool, delay_ms: int
) -> Settlement:
    """What becomes of each event of the batch.

    `sent`: the places in the batch of the events that were in the request, in its order. `expired`: those left out.
    `last`: whether this was the last attempt, so that what would be sent again is dead instead.
    """
    dead: dict[int, tuple[Reason, ...]] = dict.fromkeys(expired, (EXPIRED,))
    again: list[list[int]] = []
    if isinstance(outcome, Rejected):
        dead |= dict.fromkeys(sent, outcome.reasons)
    elif isinstance(outcome, Retry):
        return _retry(attempt, outcome, dead, sent, last=last, delay_ms=delay_ms)
    else:
        dead |= {sent[place]: reasons for place, reasons in outcome.refused.items()}
        again = _again(outcome, sent)
        if last:
            dead |= _given_up(outcome, sent)
            again = []
    parts = tuple(_part(attempt, places, delay_ms) for places in again)
    kept = sum(len(places) for places in again)
    return Settlement(len(attempt.stored) - len(dead) - kept, _deaths(attempt, dead), parts)


def exhausted(attempt: Attempt, reason: Reason) -> Settlement:
    """All dead, those that Redis has lost included: the batch cannot be tried (again)."""
    missing = [b""] * (attempt.batch.events - len(attempt.stored))
    whole = attempt._replace(stored=[*attempt.stored, *missing])
    return Settlement(0, _deaths(whole, dict.fromkeys(range(attempt.batch.events), (reason,))))


def whole_again(batch: Batch, delay_ms: int) -> Settlement:
    """The batch once more, after an attempt that told nothing."""
    return Settlement(0, again=(Part(batch.first, batch.last, batch.size, delay_ms),))


def given_back(batch: Batch, *, renewed: bool = False) -> Settlement:
    """The batch as it was: ready at once, and the attempt not spent. `renewed`: as a new batch without attempts."""
    whole = Part(batch.first, batch.last, batch.size, 0)
    return Settlement(0, again=(whole,), refund=True, renewed=renewed)


def _retry(
    attempt: Attempt,
    outcome: Retry,
    expired: Mapping[int, tuple[Reason, ...]],
    sent: Sequence[int],
    *,
    last: bool,
    delay_ms: int,
) -> Settlement:
    """The whole batch again. What expired stays in it and is put aside again: the batch keeps its number and bytes."""
    if last:
        return Settlement(0, _deaths(attempt, {**expired, **dict.fromkeys(sent, outcome.reasons)}))
    batch = attempt.batch
    return Settlement(0, again=(Part(batch.first, batch.last, batch.size, delay_ms),))


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


def _given_up(outcome: Delivered, sent: Sequence[int]) -> Iterator[tuple[int, tuple[Reason, ...]]]:
    reason = Reason("AttemptsExhausted", "no attempt brought a clear answer for this event")
    return ((sent[place], (reason,)) for place in outcome.later | outcome.unclear)


def _part(attempt: Attempt, places: Sequence[int], delay_ms: int) -> Part:
    first = attempt.batch.first
    size = sum(len(_readable(attempt.stored[place]).payload) + 1 for place in places)
    return Part(first + places[0], first + places[-1], size, delay_ms)


def _deaths(attempt: Attempt, dead: Mapping[int, tuple[Reason, ...]]) -> tuple[Death, ...]:
    return tuple(_death(attempt, place, reasons) for place, reasons in sorted(dead.items()))


def _death(attempt: Attempt, place: int, reasons: tuple[Reason, ...]) -> Death:
    event = _readable(attempt.stored[place])
    entry = {
        "at": rfc3339(attempt.at),
        "batch": attempt.batch.id,
        "attempts": attempt.batch.attempts,
        "status": attempt.status if reasons[0] != EXPIRED else 0,
        "trace_id": attempt.trace_id if reasons[0] != EXPIRED else "",
        "reasons": [{"code": each.code[:128], "message": each.message[:2_000]} for each in reasons[:MOST_REASONS]],
    }
    history = (*event.history, entry)[-HISTORY_KEPT:]
    code = reasons[0].code.replace("\0", "")[:128]
    return Death(attempt.event_id(event), code, replace(event, history=history).encode())


def _readable(stored: bytes) -> StoredEvent:
    """The stored event; bytes of no known layout become a payload, so that they can die and be looked at."""
    try:
        return decode(stored)
    except ValueError:
        return StoredEvent(0, 0, stored)
