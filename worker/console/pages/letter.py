"""`/dead-letters/{destination}/{shard}/{number}`: one letter in full, with its whole history."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from producers.clock import now_ms
from producers.destinations import DESTINATIONS
from worker.console.desk import desk_of
from worker.console.known import slot_of
from worker.console.rendering import page
from worker.dead_letters import Letter
from worker.dead_letters.finding import Finder

ACTIONS = (("Discard…", "discard", "danger"),)
PATH = "/dead-letters/{destination}/{shard:int}/{number:int}"


async def letter(request: Request) -> Response:
    found = await letter_of(request)
    return page(
        request,
        "letter.html",
        letter=found,
        shown=found.shown(),
        history=found.event.history,
        expired=is_expired(found),
        actions=ACTIONS,
        done=request.query_params.get("done", ""),
    )


def is_expired(letter: Letter) -> bool:
    """Whether its API takes it no more."""
    to = DESTINATIONS.get(letter.slot.destination)
    expires = to.window.expires(letter.event.event_time) if to else None
    return expires is not None and expires <= now_ms()


async def letter_of(request: Request) -> Letter:
    """The letter that the address names. Raises `HTTPException` if it is gone."""
    slot, desk = slot_of(request), desk_of(request)
    found = await Finder(desk.redis, desk.buffer).read(slot, [f"{request.path_params['number']:012d}"])
    if not found:
        raise HTTPException(404, "This dead letter is gone: replayed, discarded or erased.")
    return found[0]


ROUTES = [Route(PATH, letter)]
