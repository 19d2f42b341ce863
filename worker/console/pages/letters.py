"""`/dead-letters`: by reason, by filter, a page at a time."""

from __future__ import annotations

from typing import Any, NamedTuple

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from worker.console.desk import Desk, desk_of
from worker.console.filters import fields_of, filter_of
from worker.console.known import QUEUES
from worker.console.rendering import page
from worker.dead_letters import Filter, Letter

PAGE = 50
REASONS = 100


class Reason(NamedTuple):
    """Letters of one queue that died for the same reason."""

    destination: str
    code: str
    letters: int
    accounts: int


async def letters(request: Request) -> Response:
    desk, fields = desk_of(request), fields_of(request.query_params)
    chosen = filter_of(fields)
    reasons = _reasons(await desk.letters.counts(), chosen)
    found = await _page(desk, chosen)
    return page(
        request,
        "letters.html",
        fields=fields,
        queues=QUEUES,
        reasons=reasons[:REASONS],
        more_reasons=len(reasons) - REASONS,
        total=sum(reason.letters for reason in reasons),
        letters=[row(letter) for letter in found[:PAGE]],
        more=len(found) > PAGE,
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


async def _page(desk: Desk, chosen: Filter) -> list[Letter]:
    """One more than a page, if there is more."""
    found: list[Letter] = []
    async for letter in desk.letters.find(chosen):
        found.append(letter)
        if len(found) > PAGE:
            break
    return found


ROUTES = [Route("/dead-letters", letters)]
