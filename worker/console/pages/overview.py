"""`/`: each destination with what is in it, how old, how fast, and what holds it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from worker.console.charts import Point, charts_of
from worker.console.desk import Desk, desk_of
from worker.console.forms import Form, posted
from worker.console.known import destination_of
from worker.console.rendering import page
from worker.console.text import number
from worker.intake.letters import NAME as INTAKE
from worker.operating.status import left, status


async def overview(request: Request) -> Response:
    desk = desk_of(request)
    destinations, series = await status(desk.redis, desk.buffer), await desk.series()
    return page(
        request,
        "overview.html",
        destinations=destinations,
        summary=_summary(destinations),
        rejected=await _rejected(desk),
        charts=charts_of(series),
        rates={name: _rates(points) for name, points in series.items()},
        refreshing=request.query_params.get("refresh") != "off",
    )


async def _rejected(desk: Desk) -> int:
    """Messages of the queue that held no valid event."""
    counts = await desk.letters.counts()
    return sum(count for (destination, _, _), count in counts.items() if destination == INTAKE)


def _rates(points: Sequence[Point]) -> dict[str, str]:
    """Of the last sample."""
    if not points:
        return {}
    last = points[-1]
    took = "\N{EN DASH}" if last.p95_s is None else f"{number(last.p95_s * 1_000)} ms"
    return {"delivered a second": number(round(last.delivered, 1)), "p95 of a request": took}


def _summary(destinations: dict[str, dict[str, Any]]) -> str:
    """In one sentence, for who hears the page."""
    waiting = sum(map(left, destinations.values()))
    dead = sum(counts["dead"] for counts in destinations.values())
    held = sum(len(counts["holds"]) for counts in destinations.values())
    return f"{waiting:,} events on their way, {dead:,} dead letters, {held:,} holds."


async def pause(request: Request, form: Form) -> Response:
    destination = destination_of(form["destination"])
    desk, reason = desk_of(request), form.why or "by an operator"
    async with desk.acting(request, "pause", {"destination": destination, "reason": reason}, form.why):
        await desk.holding.pause(destination, None, reason)
    return RedirectResponse("/", 303)


async def resume(request: Request, form: Form) -> Response:
    """Ends the pause of the destination; accounts that are held stay so, and are resumed on their own page."""
    destination, desk = destination_of(form["destination"]), desk_of(request)
    async with desk.acting(request, "resume", {"destination": destination}, form.why) as told:
        told["resumed"] = await desk.holding.resume(destination, None)
    return RedirectResponse("/", 303)


ROUTES = [Route("/", overview), posted("/pause", pause), posted("/resume", resume)]
