"""A socket whose every read and write ends at one deadline, however slowly the other side drips."""

from __future__ import annotations

import select
import socket
import ssl
from collections.abc import Callable
from math import ceil
from time import monotonic
from typing import Any, TypeVar

Read = TypeVar("Read", int, bytes)
NOT_NOW = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class BudgetSpent(TimeoutError):
    """The deadline was over before anything was sent."""


class DeadlineSocket:
    """What redis-py's connections and parsers need of a socket. `until`: the deadline, in monotonic seconds.

    Reads and writes raise TimeoutError at the deadline, and other OSErrors as a socket does. The socket itself never
    waits: so a call costs a write, one wait for the answer, and a read.
    """

    __slots__ = ("_poll", "_read_first", "_sock", "sent", "until")

    def __init__(self, sock: socket.socket, until: float) -> None:
        sock.setblocking(False)
        self._sock = sock
        self._poll = _poll_of(sock, writing=False)  # kept, since every call looks twice
        self._read_first = isinstance(sock, ssl.SSLSocket)  # what it has decrypted already does not show
        self.until = until
        self.sent = 0

    def sendall(self, data: bytes) -> None:
        """If it raises, the other side will never see more than the `sent` bytes, as long as nothing more is sent."""
        self.send(data)
        while self.sent < len(data):  # nearly always the system takes all of it at once
            self._wait(writing=True)
            self.sent += self._some_of(memoryview(data)[self.sent :])

    def send(self, data: bytes) -> None:
        """As much as goes without waiting: `sent` bytes."""
        self.sent = 0
        if monotonic() >= self.until:
            raise BudgetSpent
        self.sent = self._some_of(data)

    def recv(self, size: int) -> bytes:
        """As below, but in one go: nearly every read of a producer is this one."""
        if self._poll is None or self._read_first:
            return self._reading(lambda: self._sock.recv(size))
        if not self._poll.poll(ceil(max(0.0, self.until - monotonic()) * 1000)):
            raise TimeoutError
        try:
            return self._sock.recv(size)
        except BlockingIOError:
            return self._reading(lambda: self._sock.recv(size))

    def recv_now(self, size: int) -> bytes:
        """What is there already. Raises one of `NOT_NOW` if nothing is."""
        return self._sock.recv(size)

    def recv_into(self, buffer: bytearray) -> int:
        return self._reading(lambda: self._sock.recv_into(buffer))

    def readable(self) -> bool:
        """Whether there is something to read, which on an idle connection means that it is of no use any more."""
        return self._sock.fileno() < 0 or self._ready(0.0, writing=False)

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

    def _some_of(self, data: bytes | memoryview) -> int:
        """How many bytes have left."""
        try:
            return self._sock.send(data)
        except NOT_NOW:
            return 0

    def _reading(self, read: Callable[[], Read]) -> Read:
        """After the deadline what is there may still be read: a process that was held up has its answer."""
        if not self._read_first:
            self._wait(writing=False)
        while True:
            try:
                return read()
            except ssl.SSLWantWriteError:
                self._wait(writing=True)
            except NOT_NOW:
                self._wait(writing=False)

    def _wait(self, *, writing: bool) -> None:
        if not self._ready(max(0.0, self.until - monotonic()), writing=writing):
            raise TimeoutError

    def _ready(self, seconds: float, *, writing: bool) -> bool:
        if self._poll is not None:
            poll = _poll_of(self._sock, writing=True) if writing else self._poll
            return bool(poll.poll(ceil(seconds * 1000)))
        files = ([], [self._sock]) if writing else ([self._sock], [])
        return any(select.select(*files, [], seconds)[:2])


def _poll_of(sock: socket.socket, *, writing: bool) -> Any:
    """None where the system has none."""
    if not hasattr(select, "poll"):
        return None
    poll = select.poll()
    poll.register(sock, select.POLLOUT if writing else select.POLLIN)
    return poll
