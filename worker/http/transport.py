"""An answer, or a word for why there is none."""

from __future__ import annotations

from typing import Literal, Protocol

import httpx

from producers.destinations.answers import Answer, NoAnswer, Request
from worker.effects import effect
from worker.http.limits import LARGEST_ANSWER, AnswerTooLarge, ProxyUnusable, Unsendable
from worker.http.outgoing import outgoing

TRACE_HEADER, RETRY_HEADER = b"x-rokt-trace-id", b"retry-after"
Kind = Literal["curl", "httpx"]
KINDS: tuple[Kind, ...] = ("curl", "httpx")


class Transport(Protocol):
    """Sends one request. Never raises for what the network does, or the environment says."""

    async def post(self, request: Request, timeout_s: float) -> Answer | NoAnswer: ...

    async def close(self) -> None: ...


class HttpTransport:
    """Pooled connections of one process. One serves all accounts: it keeps no cookies, and follows no redirects.

    `most_connections`: above them a request waits for one, within its time. `over`: instead of one of a `kind`.
    """

    def __init__(
        self, most_connections: int, kind: Kind = "curl", over: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self._over = over or _made(kind, most_connections)
        self._tells_length = over is not None or kind != "curl"  # libcurl does it by itself

    async def post(self, request: Request, timeout_s: float) -> Answer | NoAnswer:
        """`timeout_s` is for the whole request, connecting and reading included."""
        try:
            with effect("post"):
                response = await self._over.handle_async_request(
                    outgoing(request, timeout_s, with_length=self._tells_length)
                )
                return _answer(response, await _body(response))
        except (TimeoutError, httpx.TimeoutException):
            return NoAnswer("Timeout", f"no answer within {timeout_s:g} s")
        except httpx.ConnectError:
            return NoAnswer("ConnectionFailed", "no connection to the host")
        except ProxyUnusable:
            return NoAnswer("ProxyUnusable", "the environment names a proxy that cannot be used")
        except Unsendable:
            return NoAnswer("CredentialsUnsendable", "a header holds a character that no header can carry")
        except AnswerTooLarge:
            return NoAnswer("AnswerTooLarge", f"an answer above {LARGEST_ANSWER} bytes")
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            return NoAnswer("ConnectionBroken", f"the connection broke: {type(error).__name__}")

    async def close(self) -> None:
        await self._over.aclose()


async def _body(response: httpx.Response) -> bytes:
    """httpx's own way decodes what is not encoded, piece by piece, which takes as long as half of all else."""
    if isinstance(response.stream, httpx.ByteStream):
        return b"".join(response.stream)
    return await response.aread()


def _answer(response: httpx.Response, body: bytes) -> Answer | NoAnswer:
    """Its fields are looked at as bytes: httpx would find out for each in which encoding all of them are."""
    told = {name.lower(): value for name, value in response.headers.raw}
    if told.get(b"content-encoding", b"identity").lower() != b"identity":
        return NoAnswer("AnswerEncoded", "an answer in an encoding that was not asked for")
    return Answer(response.status_code, body, _text(told, TRACE_HEADER)[:128], _text(told, RETRY_HEADER)[:64])


def _text(told: dict[bytes, bytes], name: bytes) -> str:
    return told[name].decode("utf-8", "replace") if name in told else ""


def _made(kind: Kind, most_connections: int) -> httpx.AsyncBaseTransport:
    """Each is imported where it is asked for: whoever sends by the one need not load the other."""
    if kind == "curl":
        from worker.http.curl import CurlTransport

        return CurlTransport(most_connections)
    from worker.http.plain import PlainTransport

    return PlainTransport(most_connections)
