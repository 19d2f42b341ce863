"""A small server of its own for `/metrics`, where no console is wanted."""

from __future__ import annotations

import asyncio
import secrets
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from redis.exceptions import RedisError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from producers.settings import BufferSettings
from worker.console.origin import Place
from worker.http_limits import BACKLOG, BoundedProtocol, quieten
from worker.metrics.exposition import CONTENT_TYPE, metrics_text
from worker.redis_client import async_redis


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

    return Starlette(routes=[Route("/metrics", metrics)])


async def serve(app: Starlette, host: str, port: int, announce: Callable[[str], object]) -> None:
    """Until SIGTERM or SIGINT. Port 0: a free one. Raises `OSError` if the address cannot be used."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, port), family=family) as listening:
        server = _Server(_config(app))
        loop = asyncio.get_running_loop()
        quieten(loop)
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, server.stop)
        name, bound = listening.getsockname()[:2]
        announce(f"http://[{name}]:{bound}/metrics" if ":" in name else f"http://{name}:{bound}/metrics")
        await server.serve([listening])


def _config(app: Starlette) -> uvicorn.Config:
    quiet: dict[str, Any] = {"log_config": None, "access_log": False, "server_header": False}
    return uvicorn.Config(app, http=BoundedProtocol, backlog=BACKLOG, lifespan="off", **quiet)


class _Server(uvicorn.Server):
    def stop(self) -> None:
        self.should_exit = True

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """uvicorn's own would raise the signal again at the end."""
        yield
