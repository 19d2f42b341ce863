"""`/login`, `/logout`, and `/healthz` for supervisors."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from producers.errors import ConfigurationError
from worker.console.access import LASTS_S, Access
from worker.console.desk import desk_of
from worker.console.forms import MAX_LOGIN, Form, posted, read_form
from worker.console.guard import cookie_name
from worker.console.rendering import page
from worker.web.origin import Place
from worker.web.tries import Crowded, Tries


async def login(request: Request) -> Response:
    wanted = _local(request.query_params.get("next", "/"))
    return page(request, "login.html", wanted=wanted, fault="")


async def sign_in(request: Request) -> Response:
    """By the token. After many wrong ones each waits for its turn, so that a right one still gets in."""
    tries, who = tries_of(request), address_of(request)
    try:
        await tries.turn(who)
    except Crowded:
        fault = "Too many wrong tokens at this moment. Try again in a few seconds."
        answer: Response = page(request, "login.html", 429, wanted="/", fault=fault)
        answer.headers.update({"retry-after": "5", "connection": "close"})
        return answer
    form = await read_form(request, MAX_LOGIN)
    wanted = _local(form["next"] or "/")
    if not _access(request).admits(form["token"].strip()):
        tries.wrong(who)
        answer = page(request, "login.html", 403, wanted=wanted, fault="This is not the token.")
    else:
        answer = RedirectResponse(wanted, 303)
        _set_cookie(request, answer, _access(request).grant(form["name"]), LASTS_S)
    return answer


async def sign_out(request: Request, _: Form) -> Response:
    _access(request).end(request.state.session)
    answer = RedirectResponse("/login", 303)
    _set_cookie(request, answer, "", 0)
    return answer


async def healthz(request: Request) -> Response:
    """Whether pages can show anything: 200, or 503 without Redis (by the handler of its errors) or with other data."""
    try:
        await desk_of(request).agree()
    except ConfigurationError:
        return PlainTextResponse("the data in Redis is not of this version's layout and shards\n", 503)
    return PlainTextResponse("ok\n")


def _local(wanted: str) -> str:
    """An address of this console, or its first page: a link must not lead anywhere else after signing in."""
    sound = wanted.isprintable() and wanted.startswith("/") and not wanted.startswith("//") and "\\" not in wanted
    return wanted if sound else "/"


def _set_cookie(request: Request, answer: Response, cookie: str, lasts_s: int) -> None:
    place: Place = request.app.state.place
    answer.set_cookie(
        cookie_name(place), cookie, max_age=lasts_s, path="/", secure=place.secure, httponly=True, samesite="lax"
    )


def address_of(request: Request) -> str:
    return request.client.host if request.client else ""


def _access(request: Request) -> Access:
    access: Access = request.app.state.access
    return access


def tries_of(request: Request) -> Tries:
    tries: Tries = request.app.state.tries
    return tries


ROUTES = [
    Route("/login", login),
    Route("/login", sign_in, methods=["POST"]),
    posted("/logout", sign_out),
    Route("/healthz", healthz),
]
