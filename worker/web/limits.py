"""What strangers may take of a server of ours: connections, and time and bytes until a request is there."""

from __future__ import annotations

import asyncio
import errno
import time
from typing import Any

import structlog
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MOST_CONNECTIONS = 100
BACKLOG = 100
HEADERS_S, BODY_S = 10.0, 60.0
MOST_HEADER_BYTES = 65_536
TOLD_EVERY_S = 60.0
_FULL = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
_log = structlog.get_logger()


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's, but a request that is not there in time ends its connection.

    One connection too many takes the place of that whose request has been waited for longest, if there is one.
    """

    since = 0.0  # when it began to wait for a request; 0: the request is there
    _in_headers = True
    _header_bytes = 0
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait(HEADERS_S)
        if len(self.connections) > MOST_CONNECTIONS:
            waiting = [each for each in self.connections if isinstance(each, BoundedProtocol) and each.since]
            min(waiting, key=lambda each: each.since).drop()  # this one, if no other waits

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._in_headers:
            self._header_bytes += len(data)
        super().data_received(data)
        if self._in_headers and self._header_bytes > MOST_HEADER_BYTES:
            self.drop()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_headers, self._header_bytes = True, 0
        self._wait(HEADERS_S)

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        self._in_headers = False
        self._wait(BODY_S)

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._stop_waiting()
        if self.cycle.response_complete:
            self.since = time.monotonic()

    def on_response_complete(self) -> None:
        """Between two requests uvicorn's own timer runs; the connection is one that may go."""
        self.since = self.since or time.monotonic()
        super().on_response_complete()

    def _wait(self, seconds: float) -> None:
        self.since = self.since or time.monotonic()
        if self._timer:
            self._timer.cancel()
        self._timer = self.loop.call_later(seconds, self.drop)

    def _stop_waiting(self) -> None:
        self.since = 0.0
        if self._timer:
            self._timer.cancel()
            self._timer = None

    def drop(self) -> None:
        self._stop_waiting()
        self.connections.discard(self)
        self.transport.abort()


def quieten(loop: asyncio.AbstractEventLoop) -> None:
    """asyncio tells of each connection that it has no room for, with a traceback; now one line a minute does."""
    told = [-TOLD_EVERY_S]

    def handle(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if not (isinstance(error, OSError) and error.errno in _FULL):
            loop.default_exception_handler(context)
        elif time.monotonic() - told[0] >= TOLD_EVERY_S:
            told[0] = time.monotonic()
            _log.error("no connection could be taken", error=errno.errorcode[error.errno])

    loop.set_exception_handler(handle)
