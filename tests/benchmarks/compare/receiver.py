"""The sink's side of a connection: as little as takes a request in and answers it. A test's sink, no HTTP server.

It understands what well-behaved clients on loopback send: a request with `Content-Length`, one after the other or many
at once on a connection. Anything else is told to `Sink.fault` and ends the run.
"""

from __future__ import annotations

import socket
import ssl
from typing import Protocol

_END = b"\r\n\r\n"
_LENGTH = b"content-length:"
_EXPECT = b"expect: 100-continue"
_GO_ON = b"HTTP/1.1 100 Continue\r\n\r\n"
_LARGEST_HEAD = 32_768
_ROOM = memoryview(bytearray(262_144))  # all connections read into it, in turn: no memory is asked for at each read
_LATER = (BlockingIOError, ssl.SSLWantReadError)


class Sink(Protocol):
    """Whom a request is told. `taken` gives the answer."""

    delay_s: float

    def taken(self, head: bytes, body: bytes) -> bytes: ...

    def fault(self, text: str) -> None: ...


class Receiver:
    """One connection, whose socket does not block. TLS is shaken hands over at the first read."""

    def __init__(self, sink: Sink, connection: socket.socket) -> None:
        self._sink = sink
        self._connection = connection
        self._is_tls = isinstance(connection, ssl.SSLSocket)
        self._waiting = bytearray()  # of a request that has not come whole
        self._needed = 0  # bytes until it may have
        self._asked_on = False  # whether the client was told to send its body

    def read(self) -> list[bytes] | None:
        """Answers to the requests that came whole, in their order; None when the client is gone."""
        answers: list[bytes] = []
        try:
            while count := self._connection.recv_into(_ROOM):
                self._came(bytes(_ROOM[:count]), answers)
                if not self._is_tls:  # what is left makes the socket readable again; of TLS it is in memory already
                    return answers
        except _LATER:
            return answers
        except OSError:
            return None
        return None

    def write(self, answer: bytes) -> None:
        """An answer is small and a client reads, so it fits at once."""
        try:
            written = self._connection.send(answer)
        except _LATER:
            written = 0
        except OSError:
            return  # the client went without waiting for it
        if written < len(answer):
            self._sink.fault("a client that does not read its answers")

    def close(self) -> None:
        self._connection.close()

    def _came(self, data: bytes, answers: list[bytes]) -> None:
        if self._waiting:
            self._waiting += data
            if len(self._waiting) < self._needed:
                return
            data = bytes(self._waiting)
            self._waiting.clear()
        at = 0
        while at < len(data):
            ends = self._take(data, at, answers)
            if ends == at:
                self._waiting += data[at:]
                return
            at = ends

    def _take(self, data: bytes, at: int, answers: list[bytes]) -> int:
        """Where the request that begins at `at` ends; `at` if it is not whole yet."""
        head_ends = data.find(_END, at)
        if head_ends < 0:
            if len(data) - at > _LARGEST_HEAD:
                self._sink.fault("a head without end")
            self._needed = 0
            return at
        head = data[at:head_ends]
        ends = head_ends + len(_END) + self._length(head)
        if ends > len(data):
            self._needed = ends - at
            self._ask_on(head)
            return at
        self._asked_on = False
        answers.append(self._sink.taken(head, data[head_ends + len(_END) : ends]))
        return ends

    def _length(self, head: bytes) -> int:
        lowered = head.lower()
        found = lowered.find(_LENGTH)
        if found < 0:
            self._sink.fault("a request without Content-Length")
            return 0
        line_ends = lowered.find(b"\r\n", found)
        return int(lowered[found + len(_LENGTH) : line_ends if line_ends >= 0 else None])

    def _ask_on(self, head: bytes) -> None:
        """At once, though the answer itself may be late."""
        if not self._asked_on and _EXPECT in head.lower():
            self._asked_on = True
            self.write(_GO_ON)
