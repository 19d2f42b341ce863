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
from worker.console.done import done
from worker.console.drafts import Draft, Drafts
from worker.console.forms import MAX_BYTES, Form, posted
from worker.console.known import slot_of
from worker.console.pages.letter import PATH, padded
from worker.console.rendering import address, page
from worker.console.text import pretty
from worker.dead_letters.editing import Change, Opened
from worker.intake.letters import NAME as INTAKE

Faults = list[tuple[str, str]]


async def ask(request: Request) -> Response:
    """As it is now, or with what was written and the difference that it makes."""
    opened, draft = await _opened(request), _draft(request)
    if draft is None:
        return _form(request, opened, _written(opened.event), opened.version)
    return _looked_at(request, opened, draft)


async def edit(request: Request, form: Form) -> Response:
    """First the difference or the faults, on a page of its own; then, by another button, it is kept."""
    opened, desk, here = await _opened(request), desk_of(request), request.url.path
    draft = Draft(request.state.session.id, here, form["event"], form["version"], form.why)
    try:
        change = _change(request, opened, draft)
    except (InvalidEvent, _Stale):
        return _looked_at(request, opened, draft)
    if form["step"] != "save" or not change.anything:
        return RedirectResponse(address(here, {"draft": drafts_of(request).keep(draft)}), 303)
    async with desk.acting(request, "dlq edit", change.details, form.why):
        await desk.editor.edit(change, by=by_of(request), why=form.why, via="console")
    drafts_of(request).drop(draft.session, here)
    letter = here.removesuffix("/edit")
    return RedirectResponse(address(letter, done("edited")), 303)


class _Stale(Exception):
    """Somebody else edited it since."""


def _change(request: Request, opened: Opened, draft: Draft) -> Change:
    """Raises `_Stale` or `InvalidEvent`."""
    if draft.version != opened.version:
        raise _Stale
    return desk_of(request).editor.change(opened, _event(opened, draft.text))


def _looked_at(request: Request, opened: Opened, draft: Draft) -> Response:
    """The difference that a draft makes, or its faults."""
    try:
        change = _change(request, opened, draft)
    except _Stale:
        faults = [("", "Somebody else edited it meanwhile. Beside your text is what it says now; save to replace it.")]
        return _form(request, opened, draft.text, opened.version, faults, why=draft.why, status=409)
    except InvalidEvent as error:
        faults = [(str(field), str(fault)) for field, fault in error.faults]
        return _form(request, opened, draft.text, opened.version, faults, why=draft.why, status=422)
    return _form(request, opened, draft.text, opened.version, change=change, why=draft.why)


def _draft(request: Request) -> Draft | None:
    name = request.query_params.get("draft", "")
    return drafts_of(request).find(name, request.state.session.id, request.url.path)


def drafts_of(request: Request) -> Drafts:
    drafts: Drafts = request.app.state.drafts
    return drafts


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
