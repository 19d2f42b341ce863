"""Gives letters up, one or all that a filter takes: first what that means, then a word, then so many at a time."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from worker.console.desk import desk_of
from worker.console.done import done
from worker.console.filters import fields_of, filter_of, in_words, sent_filter
from worker.console.forms import Form, posted
from worker.console.pages.letter import PATH, letter_of
from worker.console.rendering import address, page
from worker.dead_letters import Place

AT_A_TIME = 5_000  # one answer must not take minutes
HERE = "/dead-letters/discard"


async def ask(request: Request) -> Response:
    """For all that a filter takes, and that died until now."""
    desk, fields = desk_of(request), fields_of(request.query_params)
    now = await desk.now()
    chosen = filter_of(fields, now)
    chosen = chosen._replace(until=min(now, now if chosen.until is None else chosen.until))
    return page(
        request,
        "discard.html",
        words=in_words(fields),
        letters=await desk.counted(chosen),
        most=AT_A_TIME,
        action=HERE,
        hidden={"filter": chosen.to_json()},
        back=address("/dead-letters", fields),
    )


async def discard(request: Request, form: Form) -> Response:
    """What died after the question was asked is not meant. What is left is asked for again."""
    desk, chosen = desk_of(request), sent_filter(form["filter"])
    places: list[Place] = []
    async for letter in desk.letters.find(chosen, oldest_first=True):
        places.append(Place(letter.slot, letter.number))
        if len(places) > AT_A_TIME:
            break
    gone = await _discard(request, sorted(places[:AT_A_TIME]), chosen.told(), form.why)
    if len(places) <= AT_A_TIME:
        return RedirectResponse(address("/dead-letters", done("discarded", gone)), 303)
    return page(
        request,
        "discard.html",
        words=[("so far", f"{gone:,} discarded")],
        letters=await desk.counted(chosen),
        most=AT_A_TIME,
        action=HERE,
        hidden={"filter": chosen.to_json()},
        back="/dead-letters",
    )


async def ask_one(request: Request) -> Response:
    letter = await letter_of(request)
    here = request.url.path
    return page(
        request,
        "discard.html",
        words=[("event", letter.id), ("account", letter.of.account), ("code", letter.code)],
        letters=1,
        most=AT_A_TIME,
        action=here,
        hidden={},
        back=here.removesuffix("/discard"),
    )


async def discard_one(request: Request, form: Form) -> Response:
    letter = await letter_of(request)
    of = {"destination": letter.slot.destination, "shard": letter.slot.shard, "number": letter.number}
    gone = await _discard(request, [Place(letter.slot, letter.number)], of, form.why)
    return RedirectResponse(address("/dead-letters", done("discarded", gone)), 303)


async def _discard(request: Request, places: list[Place], chosen: dict[str, Any], why: str) -> int:
    desk = desk_of(request)
    async with desk.acting(request, "dlq discard", chosen, why) as told:
        told["discarded"] = 0
        await desk.letters.discard(places, lambda count: told.update(discarded=told["discarded"] + count))
    return int(told["discarded"])


ROUTES = [
    Route(HERE, ask),
    posted(HERE, discard),
    Route(f"{PATH}/discard", ask_one),
    posted(f"{PATH}/discard", discard_one),
]
