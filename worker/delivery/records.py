"""What is kept of each attempt beside its settlement: an entry in the record of its batch, and what is counted. Pure.

An entry is a JSON object of few letters, since there is one a batch: at (ms), n (the attempt), s (status; 0: no answer,
none: no request), t (trace id), ms, c (codes), p (prints of the events that died), b (of what was replayed: the
batches in which its events died before, each with the prints of those that did). What came of it is added in Redis: see
record.lua.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from producers.destinations import Destination, Whole
from producers.destinations.outcomes import Delivered, Outcome
from producers.prints import ID_BYTES, print_of_id
from producers.stored_event import StoredEvent, decode, has_history
from worker.buffer.batches import Batch, Noted, Settlement
from worker.delivery.attempt import Attempt

MOST_CODES = 5
MOST_DEATHS = 1_000  # whose prints are in an entry
NOBODY = bytes(ID_BYTES)  # the print of what is no event
_NO_EVENT = (ValueError, LookupError, TypeError, AttributeError, RecursionError)


class Spent(NamedTuple):
    """What an attempt took: for its request, before that for its place in the rate; `sent`: events in the request."""

    seconds: float = 0.0
    waited_s: float = 0.0
    sent: int = 0


NOTHING = Spent()


def recorded(
    to: Destination, attempt: Attempt, settlement: Settlement, codes: Sequence[str], spent: Spent = NOTHING
) -> Settlement:
    """The settlement with what is to be kept."""
    noted = Noted(
        told=msgspec.json.encode(_told(to, attempt, settlement, codes, spent.seconds)),
        status=attempt.status if attempt.requested else -1,
        request_ms=round(spent.seconds * 1_000),
        sent=spent.sent,
        waited_ms=round(spent.waited_s * 1_000),
        prints=_prints(to, attempt, settlement),
    )
    return Settlement(*settlement[:-1], noted)  # a _replace, which takes three times as long


def unsent(settlement: Settlement, waited_s: float) -> Settlement:
    """A batch goes back without a request: there is no attempt to tell of."""
    return settlement._replace(noted=Noted(waited_ms=round(waited_s * 1_000)))


def codes_of(settlement: Settlement, outcome: Outcome) -> list[str]:
    """By which codes an attempt did not go well: for logs and records."""
    reasons = outcome.reasons if not isinstance(outcome, Delivered) else ()
    if not reasons and not settlement.dead:
        return []
    return sorted({reason.code[:64] for reason in reasons} | {death.code[:64] for death in settlement.dead})


def known_by(to: Destination, of: Whole, stored: bytes) -> bytes:
    """The print under which an event was accepted, whatever of it was edited since; zeros for what is no event."""
    try:
        return print_of(to, of, decode(stored))
    except ValueError:
        return NOBODY


def print_of(to: Destination, of: Whole, event: StoredEvent) -> bytes:
    """The same of an event that was read."""
    try:
        return print_of_id(of.account, _type_of(to, of, event), to.event_id(event))
    except _NO_EVENT:
        return NOBODY


def accepted_type(to: Destination, of: Whole, event: StoredEvent) -> str:
    """The type under which an event was accepted, whatever of it was edited since; nothing where it tells none."""
    try:
        return _type_of(to, of, event)
    except _NO_EVENT:
        return ""


def _type_of(to: Destination, of: Whole, event: StoredEvent) -> str:
    first = next((each["edited"]["original"] for each in event.history if "edited" in each), None)
    return to.type_of(event.payload, of, first)


def _told(
    to: Destination, attempt: Attempt, settlement: Settlement, codes: Sequence[str], seconds: float
) -> dict[str, Any]:
    batch = attempt.batch
    told: dict[str, Any] = {"at": attempt.at, "n": batch.attempts}
    if attempt.requested:
        told |= {"s": attempt.status, "ms": round(seconds * 1_000)}
    if attempt.trace_id:
        told["t"] = attempt.trace_id[:128]
    if codes:
        told["c"] = list(codes[:MOST_CODES])
    if 0 < len(settlement.dead) <= MOST_DEATHS:
        prints = (known_by(to, _whole(batch), death.stored) for death in settlement.dead)
        told["p"] = b64encode(b"".join(prints)).decode()
    if before := _before(to, attempt):
        told["b"] = before
    return told


def _before(to: Destination, attempt: Attempt) -> dict[str, str]:
    """The batches in which its events died last, with their prints. All of a batch was replayed, or nothing of it."""
    if attempt.batch.attempts > 1 or not attempt.stored or not has_history(attempt.stored[0]):
        return {}
    died: dict[str, list[bytes]] = {}
    for stored in attempt.stored:
        for entry in _history(stored)[-1:]:
            died.setdefault(entry["batch"], []).append(known_by(to, _whole(attempt.batch), stored))
    return {batch: b64encode(b"".join(prints)).decode() for batch, prints in died.items()}


def _history(stored: bytes) -> list[dict[str, Any]]:
    """Its deaths."""
    try:
        return [entry for entry in decode(stored).history if entry.get("batch")]
    except ValueError:
        return []


def _prints(to: Destination, attempt: Attempt, settlement: Settlement) -> bytes:
    """Of all events in their places, where they go different ways: parts of a batch find theirs with the whole one."""
    batch = attempt.batch
    ways = bool(settlement.delivered) + bool(settlement.dead) + len(settlement.again)
    if batch.source != batch.id or ways < 2 or not settlement.again:
        return b""
    return b"".join(known_by(to, _whole(batch), stored) for stored in attempt.stored)


def _whole(batch: Batch) -> Whole:
    return Whole(batch.account, batch.order, batch.kind)
