"""What became of an accepted event, in words: for the command line and the console. Strangers' texts as they are."""

from __future__ import annotations

from collections.abc import Iterator

from producers.clock import rfc3339
from worker.events.lookup import Found
from worker.events.story import Attempt


def fate(found: Found) -> str:
    """What became of it, as the end of a sentence that begins with it."""
    again = ", replayed" if found.replayed else ""
    if found.delivered:
        trace = f" with trace id {found.delivered.trace_id}" if found.delivered.trace_id else ""
        return f"delivered {rfc3339(found.delivered.ended)}{trace}{again}"
    if found.letters:
        return f"a dead letter{again}: " + "; ".join(
            f"{each.get('code')}: {each.get('message')}" for each in found.reasons
        )
    if found.state == "waiting" and found.waits.due:
        return f"waits for its next attempt, due {rfc3339(found.waits.due)}{again}"
    return _WORDS.get(found.state, found.state) + again


def way(found: Found) -> Iterator[str]:
    """Its attempts, oldest first, and what holds it now: a line each."""
    yield from (_attempt(each) for each in found.attempts)
    for held in found.waits.held_by if found.waits.state else ():
        until = f" until {rfc3339(held.until)}" if held.until else ""
        yield f"held: {held.kind}{until}{f': {held.reason}' if held.reason else ''}"


def _attempt(each: Attempt) -> str:
    answer = f"status {each.status}" if each.status else "no answer" if each.status == 0 else "not sent"
    trace = f", trace id {each.trace_id}" if each.trace_id else ""
    codes = f" ({', '.join(each.codes)})" if each.codes else ""
    return (
        f"{rfc3339(each.at)} attempt {each.number} of batch {each.batch}, {each.events} events: "
        f"{answer}{codes} after {each.ms / 1_000:.3f} s{trace}; {each.outcome or 'unknown'}"
    )


_WORDS: dict[str, str] = {
    "open": "waits: its batch is still open",
    "ready": "waits to be sent",
    "waiting": "waits for its next attempt",
    "in_flight": "is being sent",
    "dead": "was a dead letter, and was replayed or discarded since",
    "parts": "its batch was split, and part of it is not settled yet",
    "": "settled: delivered, or discarded or replayed since",
}
