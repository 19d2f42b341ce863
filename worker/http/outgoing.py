"""From our request to httpx's, at little cost: what repeats is checked and encoded once."""

from __future__ import annotations

import re
from functools import lru_cache

import httpx

from producers.destinations.answers import Request
from worker.http.limits import WITHIN, Unsendable

_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(rb"(?:[!-~](?:[\t -~]*[!-~])?)?")  # RFC 9110, 5.5, ASCII alone; neither CR nor LF
_PLAIN = (
    (b"Accept", b"*/*"),
    (b"Accept-Encoding", b"identity"),  # a small answer may unpack to any size, in one step
    (b"User-Agent", b"rokt-forwarder"),
)


def outgoing(request: Request, timeout_s: float) -> httpx.Request:
    """Raises `Unsendable`, or `httpx.InvalidURL`.

    Its stream is given and not its content: httpx then adds no headers of its own, which takes it longer than all else.
    """
    url, host = _place(request.url)
    headers = [host, *(_pair(name, value) for name, value in request.headers.items())]
    return httpx.Request(
        request.method,
        url,
        headers=[*_defaults(tuple(map(str.lower, request.headers))), *headers, _length(len(request.body))],
        stream=httpx.ByteStream(request.body),
        extensions={WITHIN: timeout_s},
    )


@lru_cache(maxsize=256)
def _place(url: str) -> tuple[httpx.URL, tuple[bytes, bytes]]:
    made = httpx.URL(url)
    if made.scheme not in ("http", "https") or not made.host:
        raise httpx.UnsupportedProtocol("neither http nor https")
    return made, (b"Host", made.netloc)


@lru_cache(maxsize=2048)
def _pair(name: str, value: str) -> tuple[bytes, bytes]:
    try:
        pair = name.encode("ascii"), value.encode("ascii")
    except UnicodeEncodeError:
        raise Unsendable("a character that no header can carry") from None
    if not (_NAME.fullmatch(pair[0]) and _VALUE.fullmatch(pair[1])):
        raise Unsendable("a character that no header can carry")
    return pair


@lru_cache(maxsize=64)
def _defaults(given: tuple[str, ...]) -> list[tuple[bytes, bytes]]:
    return [pair for pair in _PLAIN if pair[0].decode().lower() not in given]


def _length(size: int) -> tuple[bytes, bytes]:
    return b"Content-Length", b"%d" % size
