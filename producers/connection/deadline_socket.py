"""A socket whose every read and write ends at one deadline, however slowly the other side drips."""

from __future__ import annotations

import select
import socket
import ssl
from time import monotonic
from typing import Any

_NOT_NOW = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class BudgetSpent(TimeoutError):
    """The deadline was over before anything was sent."""


class DeadlineSocket:
    """What redis-py's connections and parsers need of a socket. `until`: the deadline, in monotonic seconds.

    Reads and writes raise TimeoutError at the deadline, and other OSErrors as a socket does.
    """

    __slots__ = ("_sock", "until")

    def __init__(self, sock: socket.socket, until: float) -> None:
        self._sock = sock
        self.until = until

    def sendall(self, data: bytes) -> None:
        """If it raises, the other side will never see all of `data`, as long as nothing more is sent."""
        rest = memoryview(data)
        if monotonic() >= self.until:
            raise BudgetSpent
        while rest:
            self._limit()
            try:
                rest = rest[self._sock.send(rest) :]
            except _NOT_NOW:
                raise TimeoutError from None

    def recv(self, size: int) -> bytes:
        self._limit()
        try:
            return self._sock.recv(size)
        except _NOT_NOW:
            raise TimeoutError from None

    def recv_into(self, buffer: bytearray) -> int:
        self._limit()
        try:
            return self._sock.recv_into(buffer)
        except _NOT_NOW:
            raise TimeoutError from None

    def readable(self) -> bool:
        """Whether there is something to read, which on an idle connection means that it is of no use any more."""
        if self._sock.fileno() < 0:
            return True
        if hasattr(select, "poll"):
            poll = select.poll()
            poll.register(self._sock, select.POLLIN)
            return bool(poll.poll(0))
        return bool(select.select([self._sock], [], [], 0)[0])

    def settimeout(self, seconds: float | None) -> None:
        """The deadline holds instead."""

    def shutdown(self, how: int) -> None:
        self._sock.shutdown(how)

    def close(self) -> None:
        self._sock.close()

    def fileno(self) -> int:
        return self._sock.fileno()

    def getpeername(self) -> Any:
        return self._sock.getpeername()

    def _limit(self) -> None:
        """After the deadline what is there may still be read: a process that was held up has its answer."""
        self._sock.settimeout(max(0.0, self.until - monotonic()))
