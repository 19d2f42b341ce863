"""`/metrics` by itself, where no console is wanted."""

from __future__ import annotations

import secrets
from typing import Any

import structlog
from redis.exceptions import RedisError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from producers.settings import BufferSettings
from worker.connection.client import async_redis
from worker.metrics.exposition import CONTENT_TYPE, metrics_text
from worker.web.origin import Place

log = structlog.get_logger("forwarder.metrics")


def create_app(buffer: BufferSettings, broker_url: str, token: str = "", host: str = "") -> Starlette:
    """`/metrics`; with a token only to who sends it as a bearer token. 503 while Redis is away.

    `host`: the address on loopback that a request must ask for; without it any will do.
    """
    redis: Any = async_redis(buffer.redis_url)

    async def metrics(request: Request) -> Response:
        if host and not Place(host).is_asked_for(request.headers.get("host", "")):
            return PlainTextResponse("metrics have another name\n", 400)
        given = request.headers.get("authorization", "")
        if token and not secrets.compare_digest(given.encode(), f"Bearer {token}".encode()):
            return PlainTextResponse("a bearer token is needed\n", 401, {"WWW-Authenticate": "Bearer"})
        try:
            return Response(await metrics_text(redis, buffer, broker_url), headers={"Content-Type": CONTENT_TYPE})
        except (RedisError, OSError) as error:
            return PlainTextResponse(f"Redis does not answer: {type(error).__name__}\n", 503)

    return Starlette(routes=[Route("/metrics", metrics)], exception_handlers={Exception: _failed})


async def _failed(_request: Request, error: Exception) -> Response:
    log.error("metrics_failed", exc_info=error)
    return PlainTextResponse("metrics cannot be told\n", 500)
