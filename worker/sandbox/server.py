"""Serves a sandbox over HTTP until it is told to stop."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

import uvicorn
from starlette.applications import Starlette

from .api import Json
from .app import DEFAULT_MAX_AUDIENCE_BODY_BYTES, DEFAULT_MAX_BODY_BYTES, create_app
from .connection import AbortableProtocol

_KEEP_ALIVE_S = 75  # as usual in front of an API; uvicorn's 5 would end idle connections in the middle of a test
_BACKLOG = 2048


def print_address(url: str) -> None:
    """Tell the caller's process where the sandbox listens: one JSON line on standard output."""
    sys.stdout.write(json.dumps({"sandbox": url}) + "\n")
    sys.stdout.flush()


async def serve(
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    seed: int = 0,
    faults: Json = None,
    credentials: Json = None,
    max_body_bytes: int = DEFAULT_MAX_BODY_BYTES,
    max_audience_body_bytes: int = DEFAULT_MAX_AUDIENCE_BODY_BYTES,
    announce: Callable[[str], None] = print_address,
) -> None:
    """Serve a sandbox until SIGTERM or SIGINT; `announce` is called with its URL once it listens. Port 0: a free one.

    Raises `InvalidRules`, `InvalidCredentials`, or `OSError` if the address cannot be used.
    """
    app = create_app(
        seed=seed,
        faults=faults,
        credentials=credentials,
        max_body_bytes=max_body_bytes,
        max_audience_body_bytes=max_audience_body_bytes,
    )
    async with running(app, host=host, port=port) as server:
        with _stopped_by_signals(server):
            announce(server.url)
            await server.stopped.wait()


@asynccontextmanager
async def running(app: Starlette, *, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[Server]:
    """Serve an app on this event loop for the length of the block."""
    server = Server(app, host, port)
    task = asyncio.create_task(server.serve([server.socket]))
    try:
        await server.listening.wait()
        yield server
    finally:
        server.stop()
        await task


class Server(uvicorn.Server):
    """uvicorn, but the caller handles signals, and open connections do not keep it from ending."""

    def __init__(self, app: Starlette, host: str, port: int) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=AbortableProtocol,
                ws="none",
                lifespan="off",
                log_config=None,
                log_level="error",
                access_log=False,
                proxy_headers=False,
                server_header=False,
                timeout_keep_alive=_KEEP_ALIVE_S,
                backlog=_BACKLOG,
            )
        )
        self.socket = _listen(host, port)
        self.listening = asyncio.Event()
        self.stopped = asyncio.Event()

    @property
    def url(self) -> str:
        host, port = self.socket.getsockname()[:2]
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    def stop(self) -> None:
        self.should_exit = True
        self.stopped.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """uvicorn's own would raise the signal again at the end, which makes an ordered stop look like a crash."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for connection in list(self.server_state.connections):
            connection.transport.abort()  # also ends what hangs, is delayed or waits
        await super().shutdown(sockets)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol named, as asyncio turns Nagle's algorithm off only then; with it on, an answer takes 40 ms.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(_BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


@contextmanager
def _stopped_by_signals(server: Server) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():  # only the main thread may handle signals
        yield
        return
    loop = asyncio.get_running_loop()
    signals = (signal.SIGTERM, signal.SIGINT)
    for number in signals:
        loop.add_signal_handler(number, server.stop)
    try:
        yield
    finally:
        for number in signals:
            loop.remove_signal_handler(number)
