"""`forwarder find ID`: which batch an event went into, and what became of it."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import typer

from producers.clock import rfc3339
from worker.cli.context import DestinationOption, JsonOption, buffer_of, environment, known, plain, print_json
from worker.lookup import Found, Lookup, fate_in_words
from worker.redis_client import with_redis
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
    """Find an accepted event by its id, for as long as its id is known (FORWARDER_DUPLICATES_WINDOW_S).

    Without --type: of event-api conversions, of the others every type.
    """
    environ = environment()
    buffer, caps = buffer_of(environ), caps_of(environ)
    chosen = known(destination)

    async def work(redis: Any) -> list[Found]:
        return await Lookup(redis, buffer, caps).find(event_id, account, chosen, event_type)

    found = asyncio.run(with_redis(buffer.redis_url, work))
    if as_json:
        print_json([_shown(each) for each in found])
    for each in found if not as_json else []:
        typer.echo(_in_words(each))
    if not found:
        typer.echo(f"account {plain(account)} has no event {plain(event_id)} that is known by now", err=True)
        raise typer.Exit(1)


def _shown(found: Found) -> dict[str, Any]:
    return {
        "destination": found.destination,
        "type": found.event_type,
        "batch": found.batch,
        "state": "dead" if found.letters else found.state or "settled",
        "opened": rfc3339(found.opened) if found.opened else None,
        "accepted_since": rfc3339(found.since),
        "accepted_before": rfc3339(found.until),
        "letters": list(found.letters),
    }


def _in_words(found: Found) -> str:
    when = (
        f"opened {rfc3339(found.opened)}"
        if found.opened
        else f"accepted between {rfc3339(found.since)} and {rfc3339(found.until)}"
    )
    return f"{found.destination} {plain(found.event_type)}: batch {found.batch}, {when}; {fate_in_words(found)}"
