"""`/dead-letters/{destination}/{shard}/{number}`: one letter in full, with its whole history."""

from __future__ import annotations

from starlette.convertors import IntegerConvertor, register_url_convertor
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from producers.destinations import DESTINATIONS
from worker.console.desk import desk_of
from worker.console.done import note_of
from worker.console.known import slot_of
from worker.console.rendering import address, page
from worker.dead_letters import Letter
from worker.dead_letters.finding import Finder
from worker.delivery.records import accepted_type


class _Number(IntegerConvertor):
    """One that a letter or a shard can have."""

    regex = "[0-9]{1,12}"


register_url_convertor("letter", _Number())
PATH = "/dead-letters/{destination}/{shard:letter}/{number:letter}"


async def letter(request: Request) -> Response:
    found = await letter_of(request)
    return page(
        request,
        "letter.html",
        letter=found,
        shown=found.shown(),
        history=found.event.history,
        expired=found.expires_at is not None and found.expires_at <= await desk_of(request).now(),
        replay=_replay_of(found),
        event_type=accepted_type(DESTINATIONS[found.slot.destination], found.of, found.event)
        if found.slot.destination in DESTINATIONS
        else "",
        done=note_of(request.query_params.get("done", "")),
    )


def _replay_of(letter: Letter) -> str:
    """Where a replay of this event is asked for."""
    whose = {"destination": letter.slot.destination, "account": letter.of.account, "id": letter.id}
    return address("/dead-letters/replay", whose)


async def letter_of(request: Request) -> Letter:
    """The letter that the address names. Raises `HTTPException` if it is gone."""
    slot, desk = slot_of(request), desk_of(request)
    found = await Finder(desk.redis, desk.buffer).read(slot, [padded(request)])
    if not found:
        raise HTTPException(404, "This dead letter is gone: replayed, discarded or erased.")
    return found[0]


def padded(request: Request) -> str:
    """The number of the letter, as it is in Redis."""
    return f"{request.path_params['number']:012d}"


ROUTES = [Route(PATH, letter)]
