"""An answer, or a word for why there is none."""

from __future__ import annotations

from typing import Literal, Protocol

import httpx

from producers.destinations.answers import Answer, NoAnswer, Request
from worker.effects import effect
from worker.http.heard import Heard, Way
from worker.http.limits import LARGEST_ANSWER, AnswerTooLarge, ProxyUnusable, Unsendable

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
        self._way = _over_httpx(over) if over else _made(kind, most_connections)

    async def post(self, request: Request, timeout_s: float) -> Answer | NoAnswer:
        """`timeout_s` is for the whole request, connecting and reading included."""
        try:
            with effect("post"):
                return _answer(await self._way.send(request, timeout_s))
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
        await self._way.aclose()


def _answer(heard: Heard) -> Answer | NoAnswer:
    if heard.fields.get(b"content-encoding", b"identity").lower() != b"identity":
        return NoAnswer("AnswerEncoded", "an answer in an encoding that was not asked for")
    return Answer(heard.status, heard.body, _text(heard, TRACE_HEADER)[:128], _text(heard, RETRY_HEADER)[:64])


def _text(heard: Heard, name: bytes) -> str:
    return heard.fields[name].decode("utf-8", "replace") if name in heard.fields else ""


def _made(kind: Kind, most_connections: int) -> Way:
    """Each is imported where it is asked for: whoever sends by the one need not load the other."""
    if kind == "curl":
        from worker.http.curl import CurlTransport

        return CurlTransport(most_connections)
    from worker.http.plain import PlainTransport

    return _over_httpx(PlainTransport(most_connections))


def _over_httpx(over: httpx.AsyncBaseTransport) -> Way:
    from worker.http.plain import OverHttpx

    return OverHttpx(over)
