"""httpx's transport over libcurl's multi interface, on the loop's own sockets: about a tenth of the CPU of httpx's own."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from typing import Any

import httpx
import pycurl

from worker.http.curl_errors import error_of
from worker.http.limits import LARGEST_ANSWER, WITHIN
from worker.http.machine import authorities, proxy_of

_SUPPRESS_CONNECT_HEADERS = 265  # pycurl has no name for it: what a proxy answers to CONNECT is no part of the answer
_ADDED_BY_CURL = (b"host", b"content-length")
_NEVER = [b"Expect:"]  # it would wait a second before a large body, for a word that few servers say


class CurlTransport(httpx.AsyncBaseTransport):
    """Connections of one process and loop, made at the first request. Answers come whole.

    `extensions["within_s"]`: seconds for the whole request, waiting for a connection included.
    """

    def __init__(self, most_connections: int, largest_answer: int = LARGEST_ANSWER) -> None:
        self._most = most_connections
        self._largest = largest_answer
        self._proxies: dict[tuple[str, str, int | None], str] = {}
        self._multi: pycurl.AsyncCurlMulti | None = None
        self._of: tuple[int, asyncio.AbstractEventLoop] | None = None
        self._free: list[_Handle] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        multi = self._opened()
        handle = self._free.pop() if self._free else _Handle(self._largest)
        handle.prepare(request, await request.aread(), self._proxy(request.url))
        try:
            await multi.perform(handle.curl)
        except pycurl.error as error:
            raise error_of(error, handle.resent) from None
        else:
            return handle.answer()
        finally:
            handle.clear()
            if multi is self._multi:
                self._free.append(handle)

    async def aclose(self) -> None:
        multi, self._multi = self._multi, None
        free, self._free = self._free, []
        if multi is not None:
            await multi.aclose()
        for handle in free:
            handle.curl.close()

    def _opened(self) -> Any:
        of = os.getpid(), asyncio.get_running_loop()
        if self._multi is None or self._of != of:
            self._multi, self._of, self._free = _multi(self._most), of, []
        return self._multi

    def _proxy(self, url: httpx.URL) -> str:
        place = url.scheme, url.host, url.port
        if place not in self._proxies:
            self._proxies[place] = proxy_of(url)
        return self._proxies[place]


def _multi(most: int) -> Any:
    multi = pycurl.AsyncCurlMulti()
    multi.setopt(pycurl.M_MAX_TOTAL_CONNECTIONS, most)
    multi.setopt(pycurl.M_MAXCONNECTS, most)
    multi.setopt(pycurl.M_PIPELINING, pycurl.PIPE_NOTHING)
    return multi


class _Handle:
    """One transfer at a time; what is the same for all of them is set once."""

    def __init__(self, largest: int) -> None:
        self.curl: Any = pycurl.Curl()
        self.resent = False
        self._sent = False
        self._headers: list[bytes] = []
        self._body: list[bytes] = []
        trusted = authorities()
        options = {
            pycurl.NOSIGNAL: 1,
            pycurl.PROTOCOLS: pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS,
            pycurl.HTTP_VERSION: pycurl.CURL_HTTP_VERSION_1_1,
            pycurl.HTTP09_ALLOWED: 0,
            pycurl.FOLLOWLOCATION: 0,
            pycurl.NETRC: pycurl.NETRC_IGNORED,
            pycurl.NOPROXY: "",
            pycurl.SSL_VERIFYPEER: 1,
            pycurl.SSL_VERIFYHOST: 2,
            pycurl.CAINFO: trusted.file,
            pycurl.CAPATH: trusted.folder,
            pycurl.MAXFILESIZE_LARGE: largest,
            pycurl.TCP_NODELAY: 1,
            _SUPPRESS_CONNECT_HEADERS: 1,
            pycurl.HEADERFUNCTION: self._headers.append,
            pycurl.WRITEFUNCTION: self._body.append,
            pycurl.PREREQFUNCTION: self._once,
        }
        for option, value in options.items():
            self.curl.setopt(option, value) if value is not None else self.curl.unsetopt(option)

    def prepare(self, request: httpx.Request, body: bytes, proxy: str) -> None:
        set_to: Callable[[int, Any], None] = self.curl.setopt
        set_to(pycurl.URL, str(request.url))
        set_to(pycurl.PROXY, proxy)
        set_to(pycurl.POSTFIELDS, body)
        set_to(pycurl.CUSTOMREQUEST, request.method)
        set_to(pycurl.HTTPHEADER, _lines(request))
        set_to(pycurl.TIMEOUT_MS, max(1, round(request.extensions.get(WITHIN, 0) * 1000)))
        self._sent = self.resent = False

    def answer(self) -> httpx.Response:
        status = self.curl.getinfo(pycurl.RESPONSE_CODE)
        return httpx.Response(status, headers=_fields(self._headers), stream=httpx.ByteStream(b"".join(self._body)))

    def clear(self) -> None:
        self._headers.clear()
        self._body.clear()

    def _once(self, *_: object) -> int:
        """libcurl sends a request anew by itself if a kept connection closes without an answer: it may be taken in."""
        self.resent, self._sent = self._sent, True
        return pycurl.PREREQFUNC_ABORT if self.resent else pycurl.PREREQFUNC_OK


def _lines(request: httpx.Request) -> list[bytes]:
    return [b"%b: %b" % pair for pair in request.headers.raw if pair[0].lower() not in _ADDED_BY_CURL] + _NEVER


def _fields(lines: list[bytes]) -> list[tuple[bytes, bytes]]:
    """Of the answer itself: neither of a `100 Continue` before it, nor the trailers after its body."""
    fields: list[tuple[bytes, bytes]] = []
    for line in lines:
        name, colon, value = line.partition(b":")
        if colon and not name.startswith(b"HTTP/"):
            fields.append((name.strip(), value.strip()))
        elif line.startswith(b"HTTP/1"):
            informational = line[9:10] == b"1"
            fields = []
        elif not line.strip() and not informational:
            break
    return fields
