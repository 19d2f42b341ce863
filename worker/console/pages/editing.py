"""`/dead-letters/…/edit`: another event in the place of a letter's, checked as a producer checks it, after a look."""

from __future__ import annotations

import json
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from producers.errors import Fault, InvalidEvent
from worker.console.desk import by_of, desk_of
from worker.console.forms import MAX_BYTES, Form, posted
from worker.console.known import slot_of
from worker.console.pages.letter import PATH, padded
from worker.console.rendering import address, page
from worker.console.text import pretty
from worker.dead_letters.editing import Change, Opened
from worker.intake.letters import NAME as INTAKE

Faults = list[tuple[str, str]]


async def ask(request: Request) -> Response:
    opened = await _opened(request)
    return _form(request, opened, _written(opened.event), opened.version)


async def edit(request: Request, form: Form) -> Response:
    """First the difference or the faults; then, by another button, it is kept."""
    opened, text = await _opened(request), form["event"]
    if form["version"] != opened.version:
        faults = [("", "Somebody else edited it meanwhile. Beside your text is what it says now; save to replace it.")]
        return _form(request, opened, text, opened.version, faults, status=409)
    try:
        change = desk_of(request).editor.change(opened, _event(opened, text))
    except InvalidEvent as error:
        faults = [(str(field), str(fault)) for field, fault in error.faults]
        return _form(request, opened, text, opened.version, faults, status=422)
    if form["step"] != "save" or not change.anything:
        return _form(request, opened, text, opened.version, change=change, why=form.why)
    desk = desk_of(request)
    async with desk.acting(request, "dlq edit", change.details, form.why):
        await desk.editor.edit(change, by=by_of(request), why=form.why, via="console")
    letter = request.url.path.removesuffix("/edit")
    return RedirectResponse(address(letter, {"done": "edited; it is not sent before it is replayed"}), 303)


def _form(
    request: Request,
    opened: Opened,
    text: str,
    version: str,
    faults: Faults | None = None,
    *,
    change: Change | None = None,
    why: str = "",
    status: int = 200,
) -> Response:
    return page(
        request,
        "edit.html",
        status,
        letter=opened.letter,
        action=request.url.path,
        back=request.url.path.removesuffix("/edit"),
        text=text,
        now=_written(opened.event),
        version=version,
        faults=faults or [],
        difference=_lines(change) if change else None,
        why=why,
    )


async def _opened(request: Request) -> Opened:
    opened = await desk_of(request).editor.open(slot_of(request), padded(request))
    if opened is None:
        raise HTTPException(404, "This dead letter is gone: replayed, discarded or erased.")
    return opened


def _event(opened: Opened, text: str) -> Any:
    """What was written, as JSON. A message of the intake may be none, for now. Raises `InvalidEvent`."""
    try:
        return json.loads(text, parse_constant=_refused)
    except (ValueError, RecursionError) as error:
        if opened.letter.slot.destination == INTAKE:
            return text.replace("\r\n", "\n")
        raise InvalidEvent([Fault("event", f"is no JSON: {error}")]) from None


def _refused(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def _written(event: Any) -> str:
    return event if isinstance(event, str) else pretty(event)


def _lines(change: Change) -> list[tuple[str, str]]:
    """Each line of the difference with what it is; without the two lines that name files."""
    kinds = {"+": "ins", "-": "del"}
    return [(kinds.get(line[:1], "span"), line) for line in change.difference[2:]]


ROUTES = [Route(f"{PATH}/edit", ask), posted(f"{PATH}/edit", edit, MAX_BYTES)]
