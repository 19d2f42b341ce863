"""The only door to HTTP. httpx's types and errors end here; callers see `Answer` or `NoAnswer`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any, Protocol

import httpx

from producers.destinations.answers import Answer, NoAnswer, Request
from worker.effects import effect

LARGEST_ANSWER = 32_000_000  # bytes; a refusal echoes what was sent, so it may be larger than a request
LOOPBACK = ("all://127.0.0.1", "all://localhost", "all://[::1]")  # never by way of a proxy
PLAIN = {"Accept-Encoding": "identity"}  # a small answer may unpack to any size, in one step
TRACE_HEADER = "X-Rokt-Trace-Id"


class Transport(Protocol):
    """Sends one request. Never raises for what the network does."""

    async def post(self, request: Request, timeout_s: float) -> Answer | NoAnswer: ...

    async def close(self) -> None: ...


class HttpTransport:
    """Pooled connections of one process. Make one a process: making it costs tens of milliseconds."""

    def __init__(self, most_connections: int) -> None:
        limits = httpx.Limits(max_connections=most_connections, max_keepalive_connections=most_connections)
        # One client serves all accounts: what an answer wants remembered must not reach another account's request.
        nothing = CookieJar(DefaultCookiePolicy(allowed_domains=[]))
        self._client = httpx.AsyncClient(
            mounts=dict.fromkeys(LOOPBACK),
            cookies=nothing,
            limits=limits,
            timeout=None,  # noqa: S113 - post() has one, for the whole request
            follow_redirects=False,
        )

    async def post(self, request: Request, timeout_s: float) -> Answer | NoAnswer:
        """`timeout_s` is for the whole request, connecting and reading included."""
        try:
            async with asyncio.timeout(timeout_s):
                with effect("post"):
                    return await self._exchange(request)
        except (TimeoutError, httpx.TimeoutException):
            return NoAnswer("Timeout", f"no answer within {timeout_s:g} s")
        except httpx.ConnectError:
            return NoAnswer("ConnectionFailed", "no connection to the host")
        except UnicodeEncodeError:
            return NoAnswer("CredentialsUnsendable", "a header holds a character that no header can carry")
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            return NoAnswer("ConnectionBroken", f"the connection broke: {type(error).__name__}")

    async def close(self) -> None:
        await self._client.aclose()

    async def _exchange(self, request: Request) -> Answer | NoAnswer:
        async with self._client.stream(
            request.method, request.url, headers={**PLAIN, **request.headers}, content=request.body
        ) as response:
            if response.headers.get("Content-Encoding", "identity") != "identity":
                return NoAnswer("AnswerEncoded", "an answer in an encoding that was not asked for")
            chunks, size = [], 0
            async for chunk in _stream_of(response):
                size += len(chunk)
                if size > LARGEST_ANSWER:
                    return NoAnswer("AnswerTooLarge", f"an answer above {LARGEST_ANSWER} bytes")
                chunks.append(chunk)
            if _came_after(response):
                await response.extensions["network_stream"].aclose()  # so that the connection serves nobody any more
            told = response.headers
            body = b"".join(chunks)
            return Answer(
                response.status_code, body, told.get(TRACE_HEADER, "")[:128], told.get("Retry-After", "")[:64]
            )


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
    for name in ("_stream", "_httpcore_stream", "_stream", "_connection", "_h11_state"):
        inside = getattr(inside, name, None)
    return inside is not None and bool(inside.trailing_data[0])
