"""`/audit`: who did what, when and why."""

from __future__ import annotations

import re

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from worker.console.desk import desk_of
from worker.console.rendering import page
from worker.operating.audit import entries

SHOWN, MOST = 100, 10_000
_LIMIT = re.compile(r"[1-9][0-9]{0,8}")


async def audit(request: Request) -> Response:
    """`limit`: how many, the newest first; one more is read to tell whether there is more."""
    given = request.query_params.get("limit", "")
    limit = min(int(given), MOST) if _LIMIT.fullmatch(given) else SHOWN
    desk = desk_of(request)
    found = await entries(desk.redis, desk.buffer.key_prefix, limit + 1)
    return page(request, "audit.html", entries=found[:limit], more=limit * 5 if len(found) > limit else 0)


ROUTES = [Route("/audit", audit)]
