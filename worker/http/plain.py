"""httpx's own transport, without the client around it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable
from typing import Any

import httpx

from producers.destinations.answers import Request
from worker.http.heard import Heard
from worker.http.limits import KEPT_S, LARGEST_ANSWER, WITHIN, AnswerTooLarge, ProxyUnusable
from worker.http.machine import Proxies
from worker.http.outgoing import outgoing


class OverHttpx:
    """Sends by any transport of httpx."""

    def __init__(self, over: httpx.AsyncBaseTransport) -> None:
        self._over = over

    async def send(self, request: Request, within_s: float) -> Heard:
        response = await self._over.handle_async_request(outgoing(request, within_s))
        fields = {name.lower(): value for name, value in response.headers.raw}
        return Heard(response.status_code, fields, await _raw(response))

    async def aclose(self) -> None:
        await self._over.aclose()


class PlainTransport(httpx.AsyncBaseTransport):
    """Connections of one process and loop. Answers come whole.

    `extensions["within_s"]`: seconds for the whole request, waiting for a connection included.
    """

    def __init__(self, most_connections: int, largest_answer: int = LARGEST_ANSWER) -> None:
        self._limits = httpx.Limits(
            max_connections=most_connections, max_keepalive_connections=most_connections, keepalive_expiry=KEPT_S
        )
        self._largest = largest_answer
        self._over: dict[str, httpx.AsyncHTTPTransport] = {}  # by proxy
        self._proxies = Proxies()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        async with asyncio.timeout(request.extensions.get(WITHIN)):
            response = await self._by(request.url).handle_async_request(request)
            try:
                body = await self._body(response)
                if _came_after(response):
                    await response.extensions["network_stream"].aclose()  # so that it serves nobody any more
            finally:
                await response.aclose()
        return httpx.Response(response.status_code, headers=response.headers, stream=httpx.ByteStream(body))

    async def aclose(self) -> None:
        for each in self._over.values():
            await each.aclose()

    async def _body(self, response: httpx.Response) -> bytes:
        chunks, size = [], 0
        async for chunk in _stream_of(response):
            size += len(chunk)
            if size > self._largest:
                raise AnswerTooLarge("too many bytes")
            chunks.append(chunk)
        return b"".join(chunks)

    def _by(self, url: httpx.URL) -> httpx.AsyncHTTPTransport:
        proxy = self._proxies.of(url)
        if proxy not in self._over:
            try:
                self._over[proxy] = httpx.AsyncHTTPTransport(limits=self._limits, proxy=proxy or None)
            except (ImportError, ValueError):  # SOCKS needs a package that is not one of ours
                raise ProxyUnusable("a proxy that httpx cannot use") from None
        return self._over[proxy]


async def _raw(response: httpx.Response) -> bytes:
    """As it came: httpx would decode what comes in an encoding, to whatever size."""
    if isinstance(response.stream, httpx.ByteStream):
        return b"".join(response.stream)
    return await response.aread()


def _stream_of(response: httpx.Response) -> AsyncIterable[bytes]:
    """The raw body. httpx's own `aiter_raw` gives the connection to the next request before we could look at it."""
    if not isinstance(response.stream, httpx.AsyncByteStream):
        raise httpx.StreamError("a body that does not come from a connection")
    return response.stream


def _came_after(response: httpx.Response) -> bool:
    """Whether more came than one answer: the next request on this connection would take the rest for its own.

    Only the inside of httpx knows of it.
    """
    inside: Any = response.stream
    for name in ("_httpcore_stream", "_stream", "_connection", "_h11_state"):
        inside = getattr(inside, name, None)
    return inside is not None and bool(inside.trailing_data[0])
