"""`/events?id=`: where is my event?"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from worker.console.desk import Desk, desk_of
from worker.console.known import account_of, destination_of, queue_of
from worker.console.rendering import page
from worker.console.stories import story
from worker.dead_letters import Filter, Letter
from worker.events.lookup import Found

MOST_LETTERS = 50


async def events(request: Request) -> Response:
    """By its id; with its account also what is no dead letter is found."""
    desk, asked = desk_of(request), request.query_params
    event_id, name = asked.get("id", "").strip(), asked.get("account", "").strip()
    destination, event_type = asked.get("destination", ""), asked.get("type", "").strip()
    queue_of(destination)
    found = await _found(desk, event_id, name, destination, event_type) if event_id and name else []
    letters = await _letters(desk, event_id, name, destination) if event_id else []
    return page(
        request,
        "events.html",
        id=event_id,
        account=name,
        destination=destination,
        type=event_type,
        found=[story(each) for each in found],
        letters=letters,
    )


async def _found(desk: Desk, event_id: str, name: str, destination: str, event_type: str) -> list[Found]:
    whose = destination_of(destination) if destination else None
    return await desk.lookup.find(event_id, account_of(name), whose, event_type or None)


async def _letters(desk: Desk, event_id: str, name: str, destination: str) -> list[Letter]:
    chosen = Filter(destination or None, name or None, ids=[event_id])
    found: list[Letter] = []
    async for letter in desk.letters.find(chosen):
        found.append(letter)
        if len(found) == MOST_LETTERS:
            break
    return found


ROUTES = [Route("/events", events)]
