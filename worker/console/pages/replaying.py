"""`/dead-letters/replay`: what a replay would do, then a word, then it runs in the workers."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import NamedTuple

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from producers.clock import now_ms
from worker.console.desk import by_of, desk_of
from worker.console.done import done
from worker.console.filters import fields_of, filter_of, in_words, sent_filter
from worker.console.forms import Form, posted
from worker.console.rendering import address, page
from worker.dead_letters import Filter, Replayed
from worker.intake.letters import NAME as INTAKE
from worker.operating.audit import BEGUN, NotAudited
from worker.replay.ending import ACTION
from worker.replay.preview import Preview
from worker.replay.record import new_id

HERE = "/dead-letters/replay"
PATIENCE_S = 60
ROWS = 100
MOST, FASTEST = 1_000_000_000, 100_000


class Bounds(NamedTuple):
    """How many letters at most, and how many a second; None: all of them, as fast as the settings say."""

    limit: int | None
    rate: int | None


async def ask(request: Request) -> Response:
    """Nothing is moved yet."""
    desk, fields = desk_of(request), fields_of(request.query_params)
    now = await desk.now()
    chosen = filter_of(fields, now)
    chosen = chosen._replace(until=min(now, now if chosen.until is None else chosen.until))
    bounds = Bounds(_whole(request.query_params.get("limit", ""), MOST), None)
    seen = await _preview(request, chosen, bounds)
    rows = seen.rows()
    return page(
        request,
        "replay.html",
        words=in_words(fields),
        fields=fields,
        limit=bounds.limit or "",
        rows=rows[:ROWS],
        more_rows=len(rows) - ROWS,
        movable=seen.movable.total(),
        expired=seen.expired.total(),
        overtaken=seen.overtaken.total(),
        from_intake=sum(share for slot, share in seen.shares.items() if slot.destination == INTAKE),
        filter=chosen.to_json(),
        back=address("/dead-letters", fields),
    )


async def replay(request: Request, form: Form) -> Response:
    """What died after the question was asked is not meant."""
    desk, chosen = desk_of(request), sent_filter(form["filter"])
    bounds = Bounds(_whole(form["limit"], MOST), _whole(form["rate"], FASTEST))
    seen = await _preview(request, chosen, bounds)
    if not seen.movable:
        return RedirectResponse(address("/dead-letters", done("nothing")), 303)
    anew = await _enter_anew(request, chosen, seen, form.why)
    if not (letters := sum(share for slot, share in seen.shares.items() if slot.destination != INTAKE)):
        return RedirectResponse(address("/dead-letters", done("anew", anew.moved)), 303)
    replay = new_id(now_ms())
    told = {**chosen.told(), **({"limit": bounds.limit} if bounds.limit else {}), "replay": replay}
    await desk.agree()
    await desk.note(request, f"{ACTION}{BEGUN}", {**told, "chosen": letters}, form.why, replay)
    try:
        await desk.replays.start(
            chosen, by=by_of(request), why=form.why, limit=bounds.limit, rate=bounds.rate, seen=seen, replay=replay
        )
    except BaseException:
        with suppress(NotAudited):
            await desk.note(request, ACTION, {**told, "broken_off": True}, form.why, replay)
        raise
    return RedirectResponse(f"/replays/{replay}", 303)


async def _preview(request: Request, chosen: Filter, bounds: Bounds) -> Preview:
    try:
        async with asyncio.timeout(PATIENCE_S):
            return await desk_of(request).replays.preview(chosen, bounds.limit)
    except TimeoutError:
        words = "These are too many to look at each before a page is shown. Give a limit, or use forwarder dlq replay."
        raise HTTPException(413, words) from None


async def _enter_anew(request: Request, chosen: Filter, seen: Preview, why: str) -> Replayed:
    """Messages of the intake are checked and enqueued as if they came now, by the console itself."""
    share = sum(count for slot, count in seen.shares.items() if slot.destination == INTAKE)
    if not share:
        return Replayed()
    desk = desk_of(request)
    async with desk.acting(request, ACTION, {**chosen.told(), "destination": INTAKE}, why) as told:
        entered = await desk.enter_anew(chosen, share)
        told["replayed"] = entered.moved
    return entered


def _whole(text: str, most: int) -> int | None:
    """None where nothing is said. Raises `HTTPException`."""
    text = text.strip()
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(most)) and 0 < int(text) <= most):
        raise HTTPException(400, f"Limit and rate are whole numbers from 1 to {most:,}.")
    return int(text)


ROUTES = [Route(HERE, ask), posted(HERE, replay)]
