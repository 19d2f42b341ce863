"""Puts the console together: its pages, what they act with, and the guard before them."""

from __future__ import annotations

import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
from redis.exceptions import OutOfMemoryError, RedisError, ResponseError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from producers.errors import ForwarderError
from worker.connection.client import async_redis
from worker.console.access import Access
from worker.console.desk import Desk, Surroundings
from worker.console.drafts import Drafts
from worker.console.guard import Guard
from worker.console.pages import ROUTES
from worker.console.rendering import page
from worker.web.origin import Place
from worker.web.tries import Tries

_log = structlog.get_logger()


def create_app(around: Surroundings, access: Access, place: Place) -> ASGIApp:
    """A console over one buffer, for those whom `access` admits."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        redis = async_redis(around.buffer.redis_url)
        app.state.desk = Desk(redis, around)
        yield
        await redis.aclose()

    app = Starlette(
        routes=[*ROUTES, Mount("/static", StaticFiles(packages=[("worker.console", "static")]), name="static")],
        exception_handlers={
            HTTPException: _told,
            ForwarderError: _failed,
            RedisError: _away,
            OSError: _away,
            Exception: _unexpected,
        },
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False
    app.state.access, app.state.place, app.state.tries = access, place, Tries()
    app.state.drafts = Drafts()
    app.state.scrapes = Tries()  # of who asks for /metrics
    app.state.flower_url = around.flower_url
    return Guard(app, access, place)  # around all of it, so that also an unexpected answer has its headers


async def _told(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - as it was registered
    response = page(request, "error.html", error.status_code, title="Not done", message=error.detail)
    response.headers.update(error.headers or {})
    return response


async def _failed(request: Request, error: Exception) -> Response:
    return page(request, "error.html", 409, title="Not done", message=str(error))


async def _away(request: Request, error: Exception) -> Response:
    """What a page would show is in Redis. Where that is, and what it says, is only for those who are signed in."""
    title = _trouble_of(error)
    known = getattr(request.state, "session", None)
    return page(request, "error.html", 503, title=title, message=str(error) if known else "Try again later.")


def _trouble_of(error: Exception) -> str:
    if isinstance(error, OutOfMemoryError):
        return "Redis is full"
    return "Redis refused" if isinstance(error, ResponseError) else "Redis does not answer"


async def _unexpected(request: Request, error: Exception) -> Response:
    """A defect of ours. Where it is goes to the log; its words may be a stranger's."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    _log.error("a page failed", error=type(error).__name__, file=last.filename, line=last.lineno)
    return page(request, "error.html", 500, title="Not done", message="The console has a defect; its log says where.")
