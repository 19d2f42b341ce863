"""`/dead-letters`: by reason, by filter, a page at a time."""

from __future__ import annotations

import asyncio
from typing import Any, NamedTuple

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from worker.console.desk import Desk, desk_of
from worker.console.filters import InvalidFilter, cursor_of, cursor_text, fields_of, filter_of
from worker.console.known import QUEUES
from worker.console.rendering import address, page
from worker.dead_letters import Filter, Letter
from worker.dead_letters.filter import Cursor

PAGE = 50
REASONS = 100
PATIENCE_S = 8  # for what no index knows; then what was found so far is shown


class Reason(NamedTuple):
    """Letters of one queue that died for the same reason."""

    destination: str
    code: str
    letters: int
    accounts: int


class Found(NamedTuple):
    """A page of letters. `next`: behind which there may be more. `total`: None where only reading all would tell."""

    letters: list[Letter]
    next: Cursor | None = None
    total: int | None = None
    broken_off: bool = False


async def letters(request: Request) -> Response:
    """A filter that cannot be meant is told beside its form."""
    desk, fields = desk_of(request), fields_of(request.query_params)
    fault, found, chosen = "", Found([]), Filter()
    try:
        chosen = filter_of(fields, await desk.now())
        found = await _page(desk, chosen, cursor_of(request.query_params.get("after", "")))
    except InvalidFilter as error:
        fault = error.detail
    reasons = _reasons(await desk.letters.counts(), chosen)
    return page(
        request,
        "letters.html",
        400 if fault else 200,
        fields=fields,
        fault=fault,
        queues=QUEUES,
        reasons=reasons[:REASONS],
        more_reasons=len(reasons) - REASONS,
        total=sum(reason.letters for reason in reasons),
        letters=[row(letter) for letter in found.letters],
        found=found,
        older=address("/dead-letters", {**fields, "after": cursor_text(found.next)}) if found.next else "",
        newest="after" not in request.query_params,
        done=request.query_params.get("done", ""),
    )


def row(letter: Letter) -> dict[str, Any]:
    """What a list shows of a letter."""
    shown = letter.shown()
    reason = shown["reasons"][0] if shown["reasons"] else {}
    return {**shown, "letter": letter, "code": letter.code, "message": str(reason.get("message", ""))}


def _reasons(counts: dict[tuple[str, str, str], int], chosen: Filter) -> list[Reason]:
    """The most letters first; of the destination and account that are chosen."""
    found: dict[tuple[str, str], list[int]] = {}
    for (destination, account, code), count in counts.items():
        if chosen.destination in (None, destination) and chosen.account in (None, account):
            found.setdefault((destination, code), []).append(count)
    reasons = [Reason(destination, code, sum(each), len(each)) for (destination, code), each in found.items()]
    return sorted(reasons, key=lambda reason: (-reason.letters, reason.destination, reason.code))


async def _page(desk: Desk, chosen: Filter, after: Cursor | None) -> Found:
    found: list[Letter] = []
    broken_off = False
    try:
        async with asyncio.timeout(PATIENCE_S):
            async for letter in desk.letters.find(chosen, after=after):
                found.append(letter)
                if len(found) > PAGE:
                    break
    except TimeoutError:
        broken_off = True
    more = len(found) > PAGE or (broken_off and found)
    next_ = Cursor.of(found[:PAGE][-1]) if more else None
    is_all = after is None and not (more or broken_off)
    total = len(found) if is_all else await desk.letters.count(chosen) if chosen.indexed else None
    return Found(found[:PAGE], next_, total, broken_off)


ROUTES = [Route("/dead-letters", letters)]
