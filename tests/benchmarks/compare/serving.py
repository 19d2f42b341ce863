"""The loop around the sink's connections: epoll on plain sockets.

Not asyncio, whose protocols and transports took more than half of the sink's time: all systems are measured with the
sink on the same cores, so what it costs hides what they do.
"""

from __future__ import annotations

import os
import select
import socket
import ssl
import sys
import time
from collections import deque
from collections.abc import Callable

from tests.benchmarks.compare.receiver import Receiver, Sink

_BACKLOG = 1_024


class Server:
    """`url` is there from the start; `serve` answers until standard input ends, whose lines are given to `asked`."""

    def __init__(self, sink: Sink, context: ssl.SSLContext | None) -> None:
        self._sink, self._context = sink, context
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=_BACKLOG)
        self._listener.setblocking(False)
        self._epoll = select.epoll()
        self._connections: dict[int, Receiver] = {}
        self._late: deque[tuple[float, Receiver, bytes]] = deque()  # the delay is the same for all: first come first
        self._question = b""
        self.url = f"{'https' if context else 'http'}://127.0.0.1:{self._listener.getsockname()[1]}"

    def serve(self, asked: Callable[[str], None]) -> None:
        questions, door = sys.stdin.fileno(), self._listener.fileno()
        for number in (questions, door):
            self._epoll.register(number, select.EPOLLIN)
        while True:
            for number, _ in self._epoll.poll(self._patience()):
                receiver = self._connections.get(number)
                if receiver is not None:
                    self._read(number, receiver)
                elif number == door:
                    self._accept()
                elif not self._heard(os.read(questions, 65_536), asked):
                    return
            if self._late:
                self._answer_late()

    def _patience(self) -> float | None:
        """Seconds until an answer is due."""
        return max(0.0, self._late[0][0] - time.monotonic()) if self._late else None

    def _accept(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except OSError:
            return
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setblocking(False)
        if self._context is not None:
            connection = self._context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        self._connections[connection.fileno()] = Receiver(self._sink, connection)
        self._epoll.register(connection.fileno(), select.EPOLLIN)

    def _read(self, number: int, receiver: Receiver) -> None:
        answers = receiver.read()
        if answers is None:
            del self._connections[number]
            receiver.close()  # which takes it out of the epoll, too
        elif self._sink.delay_s:
            due = time.monotonic() + self._sink.delay_s
            self._late.extend((due, receiver, answer) for answer in answers)
        elif answers:
            receiver.write(answers[0] if len(answers) == 1 else b"".join(answers))

    def _answer_late(self) -> None:
        now = time.monotonic()
        while self._late and self._late[0][0] <= now:
            _, receiver, answer = self._late.popleft()
            receiver.write(answer)

    def _heard(self, text: bytes, asked: Callable[[str], None]) -> bool:
        """Whether there may be more."""
        *lines, self._question = (self._question + text).split(b"\n")
        for line in lines:
            asked(line.decode())
        return bool(text)
