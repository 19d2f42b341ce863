"""Stands before every page: whose name was asked for, who asks, and the headers of every answer."""

from __future__ import annotations

from contextlib import suppress
from urllib.parse import quote

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from worker.console.access import Access
from worker.web.origin import Place

OPEN = ("/login", "/static/", "/healthz")
MACHINES = ("/healthz", "/metrics")  # asked by names of containers; they read no cookie and change nothing
READING = ("GET", "HEAD")
COOKIE, SECURE_COOKIE = "forwarder_console", "__Host-forwarder_console"

# Nothing but what this server itself serves; no inline script or style, no frame. `same-origin` sends no address to
# other sites; `no-referrer` would also hide from us, in `Origin`, that a form is our own.
HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}


class Guard:
    """Lets through who is signed in, to pages of ours only."""

    def __init__(self, app: ASGIApp, access: Access, place: Place) -> None:
        self._app = app
        self._access = access
        self._place = place

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        app = self._refusal(request) or self._app
        with suppress(Exception):  # it was answered and told (`app.py`); raised on, the connection would end too
            await app(scope, receive, _with_headers(send, fixed=scope["path"].startswith("/static/")))

    def _refusal(self, request: Request) -> Response | None:
        """Also notes the session for the pages: `request.state.session`."""
        path = request.scope["path"]  # that of `request.url` is made with the Host header
        if path in MACHINES:
            return None
        if not self._place.is_asked_for(request.headers.get("host", "")):
            return PlainTextResponse("This console has another name (FORWARDER_CONSOLE_URL).\n", 400)
        if request.method not in READING and not self._place.is_own(request.headers):
            return PlainTextResponse("Only pages of this console may do that (FORWARDER_CONSOLE_URL).\n", 403)
        request.state.session = session = self._access.session(request.cookies.get(cookie_name(self._place), ""))
        return None if session or path.startswith(OPEN) else _to_login(request)


def cookie_name(place: Place) -> str:
    return SECURE_COOKIE if place.secure else COOKIE


def _to_login(request: Request) -> Response:
    """Afterwards one is where one wanted to be; nothing was done meanwhile."""
    wanted = request.scope["path"] + (f"?{request.url.query}" if request.url.query else "")
    address = f"/login?next={quote(wanted, safe='')}" if request.method in READING else "/login"
    if request.headers.get("hx-request"):  # a part of a page that is still open somewhere
        return PlainTextResponse("signed out\n", 401, {"hx-redirect": "/login"})
    return RedirectResponse(address, 303)


def _with_headers(send: Send, fixed: bool) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers.update({**HEADERS, "cache-control": "no-cache" if fixed else "no-store"})
        await send(message)

    return sending
