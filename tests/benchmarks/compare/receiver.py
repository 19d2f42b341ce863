"""The sink's side of a connection: as little as takes a request in and answers it. A test's sink, no HTTP server.

It understands what well-behaved clients on loopback send: a request with `Content-Length`, one after the other or many
at once on a connection. Anything else is told to `Sink.fault` and ends the run.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

_END = b"\r\n\r\n"
_LENGTH = b"content-length:"
_EXPECT = b"expect: 100-continue"
_LARGEST_HEAD = 32_768


class Sink(Protocol):
    """Whom a request is told. `taken` gives the answer."""

    delay_s: float

    def taken(self, head: bytes, body: bytes) -> bytes: ...

    def fault(self, text: str) -> None: ...


class Receiver(asyncio.Protocol):
    """One connection."""

    def __init__(self, sink: Sink, loop: asyncio.AbstractEventLoop) -> None:
        self._sink = sink
        self._loop = loop
        self._transport: asyncio.Transport | None = None
        self._waiting = bytearray()  # of a request that has not come whole
        self._needed = 0  # bytes until it may have
        self._asked_on = False  # whether the client was told to send its body

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        if self._waiting:
            self._waiting += data
            if len(self._waiting) < self._needed:
                return
            data = bytes(self._waiting)
            self._waiting.clear()
        at = 0
        while at < len(data):
            ends = self._take(data, at)
            if ends == at:
                self._waiting += data[at:]
                return
            at = ends

    def _take(self, data: bytes, at: int) -> int:
        """Where the request that begins at `at` ends; `at` if it is not whole yet."""
        head_ends = data.find(_END, at)
        if head_ends < 0:
            if len(data) - at > _LARGEST_HEAD:
                self._refuse("a head without end")
            self._needed = 0
            return at
        head = data[at:head_ends]
        length = self._length(head)
        ends = head_ends + len(_END) + length
        if ends > len(data):
            self._needed = ends - at
            self._ask_on(head)
            return at
        self._asked_on = False
        self._answer(self._sink.taken(head, data[head_ends + len(_END) : ends]))
        return ends

    def _length(self, head: bytes) -> int:
        lowered = head.lower()
        found = lowered.find(_LENGTH)
        if found < 0:
            self._refuse("a request without Content-Length")
            return 0
        line_ends = lowered.find(b"\r\n", found)
        return int(lowered[found + len(_LENGTH) : line_ends if line_ends >= 0 else None])

    def _ask_on(self, head: bytes) -> None:
        if not self._asked_on and _EXPECT in head.lower():
            self._asked_on = True
            self._write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _answer(self, answer: bytes) -> None:
        """A delay is the same for all, so answers leave in the order of their requests."""
        if self._sink.delay_s:
            self._loop.call_later(self._sink.delay_s, self._write, answer)
        else:
            self._write(answer)

    def _write(self, answer: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(answer)

    def _refuse(self, text: str) -> None:
        self._sink.fault(text)
        if self._transport is not None:
            self._transport.abort()
