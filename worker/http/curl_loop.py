"""libcurl's multi interface on an asyncio loop, by an epoll of its own that the loop watches as one descriptor.

pycurl's `AsyncCurlMulti` gives the loop a reader for each request and takes it away again, with a callback for each
event, timer and future. Here all that is ready is handed over in one step, and what is done is asked for once. Only
where there is no epoll is pycurl's own used: what both can do is `add_handle`, `remove_handle`, `setopt`, `aclose`.
"""

from __future__ import annotations

import asyncio
import math
import select
from contextlib import suppress
from typing import Any

import pycurl

_EVENTS = {pycurl.POLL_IN: select.EPOLLIN, pycurl.POLL_OUT: select.EPOLLOUT} if hasattr(select, "epoll") else {}
_AT_ONCE = 256  # events taken from the kernel


def made_multi(loop: asyncio.AbstractEventLoop) -> Any:
    return EpollMulti(loop) if _EVENTS else pycurl.AsyncCurlMulti()


class EpollMulti:
    """Of one loop. Whoever cancels what `add_handle` gave removes the handle."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._under_way: dict[Any, asyncio.Future[None]] = {}
        self._timer: asyncio.Handle | None = None
        self._timer_at = self._due_at = math.inf
        self._multi: Any = pycurl.CurlMulti()
        self._multi.setopt(pycurl.M_SOCKETFUNCTION, self._on_socket)
        self._multi.setopt(pycurl.M_TIMERFUNCTION, self._on_timer)
        self.setopt = self._multi.setopt
        self._epoll = select.epoll()
        loop.add_reader(self._epoll.fileno(), self._on_ready)

    def add_handle(self, curl: Any) -> asyncio.Future[None]:
        """Its end: nothing, or an error of pycurl."""
        self._multi.add_handle(curl)
        under_way = self._under_way[curl] = self._loop.create_future()
        return under_way

    def remove_handle(self, curl: Any) -> None:
        if self._under_way.pop(curl, None) is not None:
            self._multi.remove_handle(curl)

    async def aclose(self) -> None:
        """What is under way is cancelled."""
        for curl, under_way in list(self._under_way.items()):
            self.remove_handle(curl)
            under_way.cancel()
        self._set_timer(math.inf)
        self._loop.remove_reader(self._epoll.fileno())
        self._multi.close()
        self._epoll.close()

    def _on_socket(self, what: int, descriptor: int, _multi: object, _: object) -> None:
        """Called by libcurl, also with what is watched already; with what it closes before that is closed."""
        if what in (pycurl.POLL_REMOVE, pycurl.POLL_NONE):
            with suppress(OSError, ValueError):
                self._epoll.unregister(descriptor)
            return
        events = sum(each for flag, each in _EVENTS.items() if what & flag)
        try:
            self._epoll.register(descriptor, events)
        except FileExistsError:
            self._epoll.modify(descriptor, events)

    def _on_timer(self, within_ms: int) -> None:
        """Called by libcurl: when it wants to be called at the latest; below 0: never.

        A timer that is too early by now is left, since it costs less than another: each request has a time of its own.
        """
        self._due_at = self._loop.time() + within_ms / 1_000 if within_ms >= 0 else math.inf
        if self._due_at < self._timer_at:
            self._set_timer(self._due_at)

    def _set_timer(self, at: float) -> None:
        if self._timer:
            self._timer.cancel()
        self._timer_at = at
        if at <= self._loop.time():
            self._timer = self._loop.call_soon(self._on_time)
        else:
            self._timer = self._loop.call_at(at, self._on_time) if at < math.inf else None

    def _on_time(self) -> None:
        self._timer, self._timer_at = None, math.inf
        if self._loop.time() < self._due_at:
            self._set_timer(self._due_at)
            return
        self._due_at = math.inf  # libcurl tells anew if there is more
        self._act(pycurl.SOCKET_TIMEOUT, 0)
        self._end_those_done()

    def _on_ready(self) -> None:
        for descriptor, events in self._epoll.poll(0, _AT_ONCE):
            came = pycurl.CSELECT_IN if events & ~select.EPOLLOUT else 0  # what broke is found by reading
            self._act(descriptor, came | (pycurl.CSELECT_OUT if events & select.EPOLLOUT else 0))
        self._end_those_done()

    def _act(self, descriptor: int, events: int) -> None:
        try:
            self._multi.socket_action(descriptor, events)
        except pycurl.error as error:  # it would tell of no end any more
            for curl in list(self._under_way):
                self._end(curl, error)

    def _end_those_done(self) -> None:
        more = 1
        while more:
            more, done, failed = self._multi.info_read()
            for curl in done:
                self._end(curl, None)
            for curl, code, text in failed:
                self._end(curl, pycurl.error(code, text))

    def _end(self, curl: Any, error: pycurl.error | None) -> None:
        under_way = self._under_way.pop(curl, None)
        if under_way is None:
            return
        self._multi.remove_handle(curl)
        if under_way.done():
            return
        if error:
            under_way.set_exception(error)
        else:
            under_way.set_result(None)
