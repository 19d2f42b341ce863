"""One transfer of libcurl at a time, and what libcurl is told."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import httpx
import pycurl

from producers.destinations.answers import Request
from worker.http.curl_errors import meaning_of
from worker.http.head import read_head
from worker.http.heard import Heard
from worker.http.limits import KEPT_S
from worker.http.machine import Proxies, authorities
from worker.http.outgoing import Ready
from worker.http.sockets import Sockets

_SUPPRESS_CONNECT_HEADERS = 265  # pycurl has no name for it: what a proxy answers to CONNECT is no part of the answer
_QUICK_EXIT = 322  # nor for this: who ends does not wait for the thread that asks for an address
_HAVE_BODIES = ("POST", "PUT", "PATCH")


class StaleConnection(httpx.TransportError):
    """The kept connection was closed, or said what nobody asked for, before anything was sent on it."""


class Transfer:
    """What is the same for all requests is set once. It ends before the next begins."""

    def __init__(self, sockets: Sockets, largest_answer: int) -> None:
        self._curl: Any = pycurl.Curl()
        self._sockets = sockets
        self._opened: list[int] = []
        self._headers: list[bytes] = []
        self._body: list[bytes] = []
        self._stale = self._sent = self._again = False
        self._ready: Ready | None = None
        self._method, self._within_s, self._is_anew = "", -1.0, 0
        for option, value in _options(largest_answer).items():
            self._curl.setopt(option, value)
        self._curl.setopt(pycurl.HEADERFUNCTION, self._headers.append)
        self._curl.setopt(pycurl.WRITEFUNCTION, self._body.append)
        self._curl.setopt(pycurl.SOCKOPTFUNCTION, self._on_socket)
        self._curl.setopt(pycurl.PREREQFUNCTION, self._before_sending)

    def prepare(self, request: Request, ready: Ready, within_s: float, proxies: Proxies) -> None:
        """Of what the handle was told for its last request only that which differs is told again."""
        told: Callable[[int, Any], None] = self._curl.setopt
        if ready is not self._ready:
            self._ready = None  # if one of these raises
            told(pycurl.URL, ready.url)
            told(pycurl.PROXY, proxies.of(ready.place))
            told(pycurl.HTTPHEADER, ready.lines)
            self._ready = ready
        if request.body or request.method in _HAVE_BODIES:
            told(pycurl.POSTFIELDS, request.body)
        else:
            told(pycurl.HTTPGET, 1)
        if request.method != self._method:
            told(pycurl.CUSTOMREQUEST, request.method)
            self._method = request.method
        self._anew(0)
        self._within(within_s)

    def prepare_anew(self, within_s: float) -> None:
        """The same, on a new connection. `within_s` of 0: for as long as it takes."""
        self._clear()
        self._anew(1)
        self._within(within_s)

    async def run(self, multi: Any) -> Heard:
        """Raises `StaleConnection` if nothing was sent, else one of httpx's errors."""
        under_way = multi.add_handle(self._curl)
        try:
            await under_way
        except pycurl.error as error:
            if self._stale:
                raise StaleConnection("closed before anything was sent") from None
            raise self._meaning(error) from None
        except asyncio.CancelledError:
            with suppress(RuntimeError, pycurl.error):
                multi.remove_handle(self._curl)  # now, and not a moment later: another request may have it next
            if (task := asyncio.current_task()) and not task.cancelling():
                raise httpx.ReadError("the transport was closed") from None
            raise
        status, fields = read_head(self._headers)
        return Heard(status, fields, b"".join(self._body))

    def _meaning(self, error: pycurl.error) -> httpx.TransportError:
        """libcurl's own text may name a host, or what a stranger wrote."""
        if self._again:
            return httpx.ReadError("the connection closed without an answer")
        if self._curl.getinfo(pycurl.HTTP_CONNECTCODE) >= 300:
            return httpx.ProxyError("the proxy refused to connect")
        return meaning_of(error.args[0])

    def forget(self) -> None:
        """What was sent and answered is personal data: none of it stays while the handle waits for its next request."""
        self._clear()
        self._curl.setopt(pycurl.POSTFIELDS, b"")

    def _clear(self) -> None:
        for each in (self._headers, self._body, self._opened):
            each.clear()
        self._stale = self._sent = self._again = False

    def close(self) -> None:
        self._curl.close()

    def _within(self, seconds: float) -> None:
        if seconds != self._within_s:
            self._curl.setopt(pycurl.TIMEOUT_MS, round(seconds * 1000) or int(seconds > 0))
            self._within_s = seconds

    def _anew(self, is_anew: int) -> None:
        if is_anew != self._is_anew:
            self._curl.setopt(pycurl.FRESH_CONNECT, is_anew)
            self._is_anew = is_anew

    def _on_socket(self, descriptor: int, _purpose: int) -> Any:
        self._opened.append(descriptor)
        return pycurl.SOCKOPT_OK

    def _before_sending(self, *ends: Any) -> Any:
        """Called when a connection is there, and before anything of the request is sent on it.

        A second time if libcurl would send it once more by itself, since a kept connection closed without an answer:
        the request may have been taken in.
        """
        if self._opened:
            self._sockets.opened(self._opened, ends)
            self._opened.clear()
        elif not self._sent and not self._sockets.is_quiet(ends):
            self._stale = True
        self._again, self._sent = self._sent, True
        return pycurl.PREREQFUNC_ABORT if self._stale or self._again else pycurl.PREREQFUNC_OK


def _options(largest_answer: int) -> dict[int, object]:
    return _trusted() | {
        pycurl.NOSIGNAL: 1,
        pycurl.PROTOCOLS: pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS,
        pycurl.HTTP_VERSION: pycurl.CURL_HTTP_VERSION_1_1,
        pycurl.HTTP09_ALLOWED: 0,
        pycurl.FOLLOWLOCATION: 0,
        pycurl.PATH_AS_IS: 1,
        pycurl.NETRC: pycurl.NETRC_IGNORED,
        pycurl.NOPROXY: "",  # whether by a proxy is decided by us
        pycurl.SSL_VERIFYPEER: 1,
        pycurl.SSL_VERIFYHOST: 2,
        pycurl.MAXFILESIZE_LARGE: largest_answer,
        pycurl.MAXAGE_CONN: KEPT_S,
        pycurl.TCP_NODELAY: 1,
        _SUPPRESS_CONNECT_HEADERS: 1,
        _QUICK_EXIT: 1,
    }


def _trusted() -> dict[int, object]:
    """By hosts and by proxies that are spoken to over TLS. As bytes: a path may hold any letter."""
    file, folder = authorities()
    names, path = (pycurl.CAINFO, pycurl.PROXY_CAINFO), file
    if folder:
        names, path = (pycurl.CAPATH, pycurl.PROXY_CAPATH), folder
    return dict.fromkeys(names, os.fsencode(path or ""))
