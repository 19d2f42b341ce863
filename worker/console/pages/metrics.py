"""`/metrics`: what Prometheus is told, for whoever shows as a bearer its own token, or the console's."""

from __future__ import annotations

from hmac import compare_digest

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from worker.console.access import Access
from worker.console.desk import desk_of
from worker.console.pages.signing import address_of
from worker.web.tries import Tries

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"


async def metrics(request: Request) -> Response:
    """Wrong tokens are bounded as at the login, and counted apart. 404 where nothing is measured."""
    _check(request)
    desk = desk_of(request)
    if desk.around.metrics is None:
        raise HTTPException(404, "Nothing is measured here.")
    return Response(await desk.around.metrics(desk.redis, desk.buffer), media_type=MEDIA_TYPE)


def _check(request: Request) -> None:
    """Raises `HTTPException`."""
    tries: Tries = request.app.state.scrapes
    who = address_of(request)
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if wait_s := tries.wait_s(who):
        raise HTTPException(429, "Too many wrong tokens.", {"retry-after": str(wait_s)})
    if scheme.lower() != "bearer" or not _admits(request, token.strip()):
        if token:
            tries.wrong(who)
        raise HTTPException(401, "Show the token: Authorization: Bearer ...", {"www-authenticate": "Bearer"})


def _admits(request: Request, token: str) -> bool:
    access: Access = request.app.state.access
    its_own = desk_of(request).around.metrics_token.encode()
    return access.admits(token) or (its_own != b"" and compare_digest(token.encode("utf-8", "replace"), its_own))


ROUTES = [Route("/metrics", metrics)]
