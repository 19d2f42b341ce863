"""What became of an accepted event, in sentences: from its batch, and from records of its attempts if there are any."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from producers.clock import rfc3339
from worker.lookup import Found

_WORDS = {
    "open": "It waits: its batch is still open.",
    "ready": "It waits to be sent.",
    "waiting": "It waits for its next attempt.",
    "in_flight": "It is being sent.",
    "dead": "It was a dead letter, and was replayed or discarded since.",
    "parts": "Its batch was split, and part of it is not settled yet.",
    "": "It is settled: delivered, or discarded or replayed since.",
}


class Story(NamedTuple):
    """An accepted event. `state`: what became of it; `lines`: how it came to that, oldest first."""

    destination: str
    event_type: str
    state: str
    lines: tuple[str, ...]


def story(found: Found) -> Story:
    """`attempts`, `delivered` and `waits` are there where batches leave records."""
    return Story(found.destination, found.event_type, _state(found), tuple(_lines(found)))


def _state(found: Any) -> str:
    delivered = getattr(found, "delivered", None)
    if delivered:
        trace = f" with trace id {delivered.trace_id}" if delivered.trace_id else ""
        return f"Delivered {rfc3339(delivered.ended)}{trace}."
    if found.letters:
        return "It is a dead letter: see below."
    return _WORDS.get(str(found.state), str(found.state))


def _lines(found: Any) -> Iterator[str]:
    yield f"Accepted between {rfc3339(found.since)} and {rfc3339(found.until)}."
    opened = f", which was opened {rfc3339(found.opened)}" if found.opened else ""
    yield f"Went into batch {found.batch}{opened}."
    for each in getattr(found, "attempts", ()):
        yield _attempt(each)
    for held in getattr(getattr(found, "waits", None), "held_by", ()):
        until = f" until {rfc3339(held.until)}" if held.until else ""
        yield f"Held: {held.kind}{until}{f': {held.reason}' if held.reason else ''}."


def _attempt(each: Any) -> str:
    answer = f"status {each.status}" if each.status else "no answer" if each.status == 0 else "not sent"
    codes = f" ({', '.join(each.codes)})" if each.codes else ""
    trace = f", trace id {each.trace_id}" if each.trace_id else ""
    return (
        f"{rfc3339(each.at)} attempt {each.number} of batch {each.batch}, {each.events} events: {answer}{codes} "
        f"after {each.ms / 1_000:.3f} s{trace}; {each.outcome or 'unknown'}."
    )
