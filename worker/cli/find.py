"""`forwarder find ID`: where an event is: its batch, its attempts, and what became of it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Annotated, Any

import typer

from producers.clock import rfc3339
from worker.cli.context import (
    DestinationOption,
    JsonOption,
    buffer_of,
    encodable,
    environment,
    known,
    plain,
    print_json,
)
from worker.connection.client import with_redis
from worker.events.lookup import Found, Lookup
from worker.events.story import Attempt
from worker.events.story_words import fate, way
from worker.settings import caps_of


def find(
    event_id: Annotated[str, typer.Argument(metavar="ID", help="The event's id.")],
    account: Annotated[str, typer.Option("--account", "-a", help="The account that it was enqueued for.")],
    destination: DestinationOption = None,
    event_type: Annotated[
        str | None, typer.Option("--type", "-t", help="Its eventType; for audience include or exclude.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Find an accepted event by its id, for as long as that is known (FORWARDER_DUPLICATES_WINDOW_S).

    Tells its batch, every attempt, when it was delivered and with which trace id, why it is dead, or what it waits for.
    Attempts are known for FORWARDER_RECORDS_S after the last one.

    Without --type: of event-api conversions, of the others every type.
    """
    for name, text in (("ID", event_id), ("--account", account), ("--type", event_type or "")):
        if not encodable(text):
            raise typer.BadParameter("is not UTF-8", param_hint=name)
    environ = environment()
    buffer, caps = buffer_of(environ), caps_of(environ)
    chosen = known(destination)

    async def work(redis: Any) -> list[Found]:
        return await Lookup(redis, buffer, caps).find(event_id, account, chosen, event_type)

    found = asyncio.run(with_redis(buffer.redis_url, work))
    if as_json:
        print_json([_shown(each) for each in found])
    for each in found if not as_json else []:
        for line in _in_words(each):
            typer.echo(line)
    if not found:
        typer.echo(f"account {plain(account)} has no event {plain(event_id)} that is known by now", err=True)
        raise typer.Exit(1)


def _shown(found: Found) -> dict[str, Any]:
    delivered = found.delivered
    return {
        "destination": found.destination,
        "type": found.event_type,
        "batch": found.batch,
        "now_in": found.now_in,
        "state": found.state or "settled",
        "opened": rfc3339(found.opened) if found.opened else None,
        "accepted_since": rfc3339(found.since),
        "accepted_before": rfc3339(found.until),
        "attempts": [_attempt(each) for each in found.attempts],
        "delivered_at": rfc3339(delivered.ended) if delivered else None,
        "trace_id": delivered.trace_id or None if delivered else None,
        "replayed": found.replayed,
        "due": rfc3339(found.waits.due) if found.waits.due else None,
        "held_by": [
            {"kind": held.kind, "reason": held.reason, "until": rfc3339(held.until) if held.until else None}
            for held in (found.waits.held_by if found.waits.state else ())
        ],
        "letters": list(found.letters),
        "reasons": list(found.reasons),
    }


def _attempt(attempt: Attempt) -> dict[str, Any]:
    return {
        "at": rfc3339(attempt.at),
        "batch": attempt.batch,
        "attempt": attempt.number,
        "status": attempt.status or None,
        "trace_id": attempt.trace_id or None,
        "codes": list(attempt.codes),
        "seconds": attempt.ms / 1_000,
        "events": attempt.events,
        "outcome": attempt.outcome or "unknown",
    }


def _in_words(found: Found) -> Iterator[str]:
    """A line for what became of it, and one for each attempt."""
    when = (
        f"opened {rfc3339(found.opened)}"
        if found.opened
        else f"accepted between {rfc3339(found.since)} and {rfc3339(found.until)}"
    )
    yield f"{found.destination} {plain(found.event_type)}: batch {found.batch}, {when}; {_fate(found)}"
    yield from (f"  {plain(line)}" for line in way(found))


def _fate(found: Found) -> str:
    where = f": forwarder dlq show has it ({', '.join(found.letters)})" if found.letters else ""
    return plain(fate(found)) + where
