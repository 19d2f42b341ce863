"""From our request to libcurl's words, or to httpx's: what repeats is checked and encoded once."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import NamedTuple

import httpx

from producers.destinations.answers import Request
from worker.http.limits import WITHIN, Unsendable

_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(rb"(?:[!-~](?:[\t -~]*[!-~])?)?")  # RFC 9110, 5.5, ASCII alone; neither CR nor LF
_ADDED_BY_CURL = (b"host", b"content-length")
_NOT_ADDED = [b"Expect:", b"Content-Type:"]  # it would wait a second for a word that few say; and call any body a form
_MOST_KNOWN = 2_048  # accounts
_PLAIN = (
    (b"Accept", b"*/*"),
    (b"Accept-Encoding", b"identity"),  # a small answer may unpack to any size, in one step
    (b"User-Agent", b"rokt-forwarder"),
)


class Ready(NamedTuple):
    """What many requests have in common: made once, compared by identity. `lines`: the headers in libcurl's words."""

    url: str
    place: httpx.URL
    headers: httpx.Headers
    lines: list[bytes]


class _Known(NamedTuple):
    """`given` is kept so that no other mapping can have its identity."""

    given: Mapping[str, str]
    ready: Ready


_known: dict[tuple[str, int], _Known] = {}


def outgoing(request: Request, within_s: float) -> httpx.Request:
    """Raises `Unsendable`, or `httpx.InvalidURL`.

    Its stream is given and not its content: httpx then adds no headers of its own.
    """
    ready = ready_of(request.url, request.headers)
    stream = httpx.ByteStream(request.body)
    extensions = {WITHIN: within_s}
    made = httpx.Request(request.method, ready.place, headers=ready.headers, stream=stream, extensions=extensions)
    made.headers["Content-Length"] = str(len(request.body))
    return made


def ready_of(url: str, headers: Mapping[str, str]) -> Ready:
    """Raises `Unsendable`, or `httpx.InvalidURL`.

    A destination has its headers made once for an account, and read-only: the same mapping has the same lines.
    """
    if type(headers) is not MappingProxyType:
        return _made(url, headers)
    known = _known.get((url, id(headers)))
    if known is None:
        known = _Known(headers, _made(url, headers))
        if len(_known) >= _MOST_KNOWN:
            _known.clear()
        _known[url, id(headers)] = known
    return known.ready


def _made(url: str, headers: Mapping[str, str]) -> Ready:
    place, host = _place(url)
    fields = [host, *(_pair(name, value) for name, value in headers.items())]
    all_of_them = httpx.Headers([*_defaults(tuple(map(str.lower, headers))), *fields])
    return Ready(str(place), place, all_of_them, lines_of(all_of_them))


def lines_of(headers: httpx.Headers) -> list[bytes]:
    """In libcurl's words: a name alone would be left out, so that one without a value ends with a semicolon."""
    fields = [pair for pair in headers.raw if pair[0].lower() not in _ADDED_BY_CURL]
    return [b"%b: %b" % pair if pair[1] else b"%b;" % pair[0] for pair in fields] + _NOT_ADDED


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
