"""Puts the console together: its pages, what they act with, and the guard before them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from redis.exceptions import RedisError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from producers.errors import ForwarderError
from worker.console.access import Access
from worker.console.desk import Desk, Surroundings
from worker.console.guard import Guard
from worker.console.origin import Place
from worker.console.pages import ROUTES
from worker.console.rendering import page
from worker.console.tries import Tries
from worker.redis_client import async_redis


def create_app(around: Surroundings, access: Access, place: Place) -> Starlette:
    """A console over one buffer, for those whom `access` admits."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        redis = async_redis(around.buffer.redis_url)
        app.state.desk = Desk(redis, around)
        yield
        await redis.aclose()

    app = Starlette(
        routes=[*ROUTES, Mount("/static", StaticFiles(packages=[("worker.console", "static")]), name="static")],
        middleware=[Middleware(Guard, access=access, place=place)],
        exception_handlers={HTTPException: _told, ForwarderError: _failed, RedisError: _away, OSError: _away},
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False
    app.state.access, app.state.place, app.state.tries = access, place, Tries()
    app.state.flower_url = around.flower_url
    return app


async def _told(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - as it was registered
    response = page(request, "error.html", error.status_code, title="Not done", message=error.detail)
    response.headers.update(error.headers or {})
    return response


async def _failed(request: Request, error: Exception) -> Response:
    return page(request, "error.html", 409, title="Not done", message=str(error))


async def _away(request: Request, error: Exception) -> Response:
    """What a page would show is in Redis."""
    return page(request, "error.html", 503, title="Redis does not answer", message=str(error))
