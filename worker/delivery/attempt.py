"""One attempt at a batch, and what its dead letters remember of it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from producers.clock import rfc3339
from producers.destinations.outcomes import Reason
from producers.stored_event import StoredEvent, decode
from worker.buffer.batches import Batch, Death
from worker.delivery.history import added

MOST_REASONS = 20  # a stranger may send any number, of any length
NOT_SENT = frozenset({"EventExpired"})  # codes of events that were in no request


class Attempt(NamedTuple):
    """`at` in milliseconds; `status` 0 where no answer came; `requested`: whether a request was made at all.

    `credentials`: a print of those that were used.
    """

    batch: Batch
    stored: Sequence[bytes]
    event_id: Callable[[StoredEvent], str]
    at: int
    status: int = 0
    trace_id: str = ""
    requested: bool = False
    credentials: str = ""


def bury(attempt: Attempt, dead: Mapping[int, tuple[Reason, ...]]) -> tuple[Death, ...]:
    """The deaths of the events at these places of the batch, for these reasons."""
    return tuple(_death(attempt, place, reasons) for place, reasons in sorted(dead.items()))


def size_of(stored: bytes) -> int:
    """What an event takes of a request, in bytes."""
    return len(_readable(stored).payload) + 1


def _death(attempt: Attempt, place: int, reasons: tuple[Reason, ...]) -> Death:
    event = _readable(attempt.stored[place])
    sent = reasons[0].code not in NOT_SENT
    entry = {
        "at": rfc3339(attempt.at),
        "batch": attempt.batch.id,
        "attempts": attempt.batch.attempts,
        "status": attempt.status if sent else 0,
        "trace_id": attempt.trace_id if sent else "",
        "reasons": [{"code": each.code[:128], "message": each.message[:2_000]} for each in reasons[:MOST_REASONS]],
    }
    code = reasons[0].code.replace("\0", "")[:128]
    stored = replace(event, history=added(event.history, entry)).encode()
    return Death(attempt.event_id(event), code, event.event_time, stored)


def _readable(stored: bytes) -> StoredEvent:
    """The stored event; bytes of no known layout become a payload, so that they can die and be looked at."""
    try:
        return decode(stored)
    except ValueError:
        return StoredEvent(0, 0, stored)
