"""`/replays`: those that run and those that were; one with its progress, to be paused, resumed or cancelled."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from producers.clock import rfc3339
from worker.console.desk import Desk, desk_of
from worker.console.forms import Form, posted
from worker.console.rendering import page
from worker.dead_letters.asked import within
from worker.dead_letters.filter import TIMES
from worker.replay import Progress

PATH = "/replays/{id:str}"


async def replays(request: Request) -> Response:
    found = await desk_of(request).replays.all()
    refreshing = request.query_params.get("refresh") != "off" and any(not each.is_over for each in found)
    return page(request, "replays.html", replays=[_shown(each) for each in found], refreshing=refreshing)


async def replay(request: Request) -> Response:
    progress = await _progress(request)
    refreshing = request.query_params.get("refresh") != "off" and not progress.is_over
    return page(request, "progress.html", replay=_shown(progress), progress=progress, refreshing=refreshing)


def steering(action: str, steer: Callable[[Desk, str], Awaitable[bool]]) -> Route:
    """What is over stays as it is."""

    async def work(request: Request, form: Form) -> Response:
        desk, id_ = desk_of(request), (await _progress(request)).id
        async with desk.acting(request, f"dlq {action}", {"replay": id_}, form.why) as told:
            told["changed"] = await steer(desk, id_)
        return RedirectResponse(f"/replays/{id_}", 303)

    return posted(f"{PATH}/{action}", work)


async def _progress(request: Request) -> Progress:
    progress = await desk_of(request).replays.progress(request.path_params["id"])
    if progress is None:
        raise HTTPException(404, "Nothing is known of this replay: it never was, or was over more than a week ago.")
    return progress


def _shown(progress: Progress) -> dict[str, object]:
    """Percent: of the letters that could go when it began, those that were dealt with."""
    percent = 100 if progress.state == "done" else 100 * progress.dealt_with // max(1, progress.chosen)
    return {
        **progress._asdict(),
        "is_over": progress.is_over,
        "percent": percent,
        "created_at": rfc3339(progress.created),
        "ended_at": rfc3339(progress.ended) if progress.ended else "",
        "words": f"{progress.state}, {percent} percent: {progress.moved:,} of {progress.chosen:,} moved",
        "chosen_by": [_said(*each) for each in sorted(progress.filter.items())] or [("all", "dead letters")],
    }


def _said(name: str, value: object) -> tuple[str, object]:
    """A part of a filter; its times are milliseconds."""
    return (name, rfc3339(within(value)) if name in TIMES and isinstance(value, int) else value)


ROUTES = [
    Route("/replays", replays),
    Route(PATH, replay),
    steering("pause", lambda desk, id_: desk.replays.pause(id_)),
    steering("resume", lambda desk, id_: desk.replays.resume(id_)),
    steering("cancel", lambda desk, id_: desk.replays.cancel(id_)),
]
