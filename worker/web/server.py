"""Serves an app over HTTP until it is told to stop: uvicorn, with bounds."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

import uvicorn
from starlette.types import ASGIApp

from worker.web.limits import BACKLOG, BoundedProtocol, quieten

_ENDS_WITHIN_S = 5


async def serve(app: ASGIApp, host: str, port: int, announce: Callable[[str], object]) -> None:
    """Until SIGTERM or SIGINT; `announce` is called with its URL once it listens. Raises `OSError`."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    async with running(app, host, port) as url:
        announce(url)
        await stopped.wait()


@asynccontextmanager
async def running(app: ASGIApp, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[str]:
    """Serves it on this event loop for the length of the block. Port 0: a free one. Gives its URL."""
    listener = _listen(host, port)
    quieten(asyncio.get_running_loop())
    server = _Server(app)
    task = asyncio.create_task(server.serve([listener]))
    try:
        listening = asyncio.create_task(server.listening.wait())
        await asyncio.wait({task, listening}, return_when=asyncio.FIRST_COMPLETED)
        yield _url(listener)
    finally:
        server.should_exit = True
        await task


class _Server(uvicorn.Server):
    """uvicorn, but the caller handles signals: raised again by its own, an ordered end would look like a crash."""

    def __init__(self, app: ASGIApp) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=BoundedProtocol,
                backlog=BACKLOG,
                ws="none",
                log_config=None,
                log_level="critical",  # its tracebacks quote what strangers wrote; the app says what is to be said
                access_log=False,  # addresses name events and accounts
                proxy_headers=False,  # a stranger could give himself any address
                server_header=False,
                timeout_graceful_shutdown=_ENDS_WITHIN_S,
            )
        )
        self.listening = asyncio.Event()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()


def _listen(host: str, port: int) -> socket.socket:
    family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # named, or Nagle's algorithm stays on
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
