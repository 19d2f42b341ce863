"""`/metrics`: what Prometheus is told, for whoever shows the token as a bearer."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from worker.console.access import Access
from worker.console.desk import desk_of
from worker.console.pages.signing import address_of, tries_of

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"


async def metrics(request: Request) -> Response:
    """Wrong tokens count as they do at the login. 404 where nothing is measured."""
    _check(request)
    desk = desk_of(request)
    if desk.around.metrics is None:
        raise HTTPException(404, "Nothing is measured here.")
    return Response(await desk.around.metrics(desk.redis, desk.buffer), media_type=MEDIA_TYPE)


def _check(request: Request) -> None:
    """Raises `HTTPException`."""
    access: Access = request.app.state.access
    tries, who = tries_of(request), address_of(request)
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if wait_s := tries.wait_s(who):
        raise HTTPException(429, "Too many wrong tokens.", {"retry-after": str(wait_s)})
    if scheme.lower() != "bearer" or not access.admits(token.strip()):
        if token:
            tries.wrong(who)
        raise HTTPException(401, "Show the token: Authorization: Bearer ...", {"www-authenticate": "Bearer"})


ROUTES = [Route("/metrics", metrics)]
