"""Gives letters up, one or all that a filter takes: first what that means, then a word, then so many at a time."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from worker.console.desk import Desk, desk_of
from worker.console.filters import fields_of, filter_of, in_words
from worker.console.forms import Form, posted
from worker.console.pages.letter import PATH, letter_of
from worker.console.rendering import address, page
from worker.dead_letters import Filter, Place

AT_A_TIME = 10_000  # one answer must not take minutes
HERE = "/dead-letters/discard"


async def ask(request: Request) -> Response:
    """For all that a filter takes."""
    fields = fields_of(request.query_params)
    places = await _places(desk_of(request), filter_of(fields))
    return page(
        request,
        "discard.html",
        words=in_words(fields),
        letters=len(places),
        most=AT_A_TIME,
        action=HERE,
        hidden={"filter": fields, "newest": _newest(places)},
        back=address("/dead-letters", fields),
        done=request.query_params.get("done", ""),
    )


async def discard(request: Request, form: Form) -> Response:
    """What came after the question was asked is not meant."""
    desk, fields, newest = desk_of(request), fields_of(form.mapping("filter")), form.mapping("newest")
    places = [place for place in await _places(desk, filter_of(fields)) if _was_there(place, newest)]
    chosen = {name: value for name, value in fields.items() if value and name not in ("id", "text")}
    ids = {"ids": len(fields["id"].split())} if fields["id"] else {}
    gone = await _discard(request, places[:AT_A_TIME], {**chosen, **ids}, form.why)
    done = f"{gone:,} discarded"
    if len(places) > AT_A_TIME:
        return RedirectResponse(address(HERE, {**fields, "done": f"{done}, the rest is below"}), 303)
    return RedirectResponse(address("/dead-letters", {**fields, "done": done}), 303)


async def ask_one(request: Request) -> Response:
    letter = await letter_of(request)
    here = request.url.path
    return page(
        request,
        "discard.html",
        words=f"the letter of {letter.id}",
        letters=1,
        most=AT_A_TIME,
        action=here,
        hidden={},
        back=here.removesuffix("/discard"),
        done="",
    )


async def discard_one(request: Request, form: Form) -> Response:
    letter = await letter_of(request)
    of = {"destination": letter.slot.destination, "number": letter.number}
    gone = await _discard(request, [Place(letter.slot, letter.number)], of, form.why)
    return RedirectResponse(address("/dead-letters", {"done": f"{gone} discarded"}), 303)


async def _discard(request: Request, places: list[Place], chosen: dict[str, Any], why: str) -> int:
    desk = desk_of(request)
    async with desk.acting(request, "dlq discard", chosen, why) as told:
        told["discarded"] = 0
        await desk.letters.discard(places, lambda count: told.update(discarded=told["discarded"] + count))
    return int(told["discarded"])


async def _places(desk: Desk, chosen: Filter) -> list[Place]:
    return await desk.letters.choose(chosen)


def _newest(places: list[Place]) -> dict[str, str]:
    """Of each slot the highest number: letters are numbered as they die."""
    found: dict[str, str] = {}
    for place in places:
        found[_name(place)] = max(found.get(_name(place), ""), place.number)
    return found


def _was_there(place: Place, newest: Any) -> bool:
    return place.number <= str(newest.get(_name(place), ""))


def _name(place: Place) -> str:
    return f"{place.slot.destination}.{place.slot.shard}"


ROUTES = [
    Route(HERE, ask),
    posted(HERE, discard),
    Route(f"{PATH}/discard", ask_one),
    posted(f"{PATH}/discard", discard_one),
]
