"""A way to Redis that a test can turn into a dripping tap: answers come byte by byte."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from worker.stack.ports import LOOPBACK

PAUSE_S = 0.05  # the shortest answer, of four bytes, takes 0.15 s


class Drip:
    """Passes everything on to the Redis at `to`, from `port`; once `slow` is set, answers drip."""

    def __init__(self, listening: socket.socket, to: int) -> None:
        self.port: int = listening.getsockname()[1]
        self.slow = threading.Event()
        self._ended = threading.Event()
        self._listening = listening
        self._to = to

    def serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listening.accept()
                far = socket.create_connection((LOOPBACK, self._to))
                threading.Thread(target=self._pass_on, args=(near, far, False), daemon=True).start()
                threading.Thread(target=self._pass_on, args=(far, near, True), daemon=True).start()

    def end(self) -> None:
        self._ended.set()
        self._listening.shutdown(socket.SHUT_RDWR)

    def _pass_on(self, source: socket.socket, target: socket.socket, answers: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65_536):
                if not answers or not self.slow.is_set():
                    target.sendall(data)
                    continue
                for place in range(len(data)):
                    target.sendall(data[place : place + 1])
                    if self._ended.wait(PAUSE_S):
                        break
        for each in (source, target):
            each.close()


@contextmanager
def dripping(to: int) -> Iterator[Drip]:
    with socket.create_server((LOOPBACK, 0)) as listening:
        drip = Drip(listening, to)
        thread = threading.Thread(target=drip.serve, daemon=True)
        thread.start()
        try:
            yield drip
        finally:
            drip.end()
            thread.join(5)
