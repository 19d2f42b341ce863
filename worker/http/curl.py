"""Requests by libcurl's multi interface."""

from __future__ import annotations

import asyncio
import os

import pycurl

from producers.destinations.answers import Request
from worker.http.curl_loop import made_multi
from worker.http.curl_transfer import StaleConnection, Transfer
from worker.http.heard import Heard
from worker.http.limits import LARGEST_ANSWER
from worker.http.machine import Proxies
from worker.http.outgoing import ready_of
from worker.http.sockets import Sockets


class CurlTransport:
    """Connections of one process and loop, made at the first request. Answers come whole."""

    def __init__(self, most_connections: int, largest_answer: int = LARGEST_ANSWER) -> None:
        self._most = most_connections
        self._largest = largest_answer
        self._proxies = Proxies()
        self._engine: _Engine | None = None
        self._left: list[_Engine] = []

    async def send(self, request: Request, within_s: float) -> Heard:
        """`within_s` of 0: for as long as it takes."""
        engine = self._running()
        began = engine.loop.time()
        transfer = engine.idle.pop() if engine.idle else Transfer(engine.sockets, self._largest)
        try:
            transfer.prepare(request, ready_of(request.url, request.headers), within_s, self._proxies)
            return await transfer.run(engine.multi)
        except StaleConnection:
            transfer.prepare_anew(within_s and max(0.001, within_s - (engine.loop.time() - began)))
            return await transfer.run(engine.multi)
        finally:
            engine.keep(transfer)

    async def aclose(self) -> None:
        """Requests under way end with an error."""
        engine, self._engine = self._engine, None
        if engine is not None and engine.pid == os.getpid():
            await engine.close()

    def _running(self) -> _Engine:
        loop = asyncio.get_running_loop()
        if (engine := self._engine) is None or engine.loop is not loop or engine.pid != os.getpid():
            if engine is not None:
                # Never closed: its connections are another process's, or of a loop that ended.
                self._left.append(engine)
            self._engine = engine = _Engine(self._most, loop)
        return engine


class _Engine:
    """libcurl in one process, on one loop."""

    def __init__(self, most_connections: int, loop: asyncio.AbstractEventLoop) -> None:
        self.pid = os.getpid()
        self.loop = loop
        self.sockets = Sockets()
        self.idle: list[Transfer] = []
        self._most = most_connections
        self.multi = made_multi(loop)
        self.multi.setopt(pycurl.M_MAX_TOTAL_CONNECTIONS, most_connections)
        self.multi.setopt(pycurl.M_MAXCONNECTS, most_connections)
        self.multi.setopt(pycurl.M_PIPELINING, pycurl.PIPE_NOTHING)

    def keep(self, transfer: Transfer) -> None:
        """For the next request, with nothing of this one. After a peak no more stay than can be sent at once."""
        transfer.forget()
        if len(self.idle) < self._most:
            self.idle.append(transfer)
        else:
            transfer.close()

    async def close(self) -> None:
        self._most = 0
        await self.multi.aclose()
        while self.idle:
            self.idle.pop().close()
