"""Fills a slot through the real append script, some calls ahead of the answers."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from itertools import islice
from typing import Any

from producers.append import APPEND, Entry, append_call
from producers.keys import Slot
from producers.settings import BatchSettings, BufferSettings
from tests.benchmarks.growth.events import Workload
from worker.connection.client import sync_redis

NAMESPACE = "growth"
CALL = 200
AHEAD = 4
ANSWER_S = 120.0


class Filler:
    """The appending side of one slot. `window_s`: of the duplicates index; 0: there is none.

    Linger is 0, so that what is there can be claimed at once.
    """

    def __init__(self, url: str, workload: Workload, window_s: int) -> None:
        self.slot = Slot(NAMESPACE, workload.to.name, 0)
        self.workload = workload
        self.events = 0
        self._batch = BatchSettings(
            max_events=workload.cap, max_bytes=1_000_000, linger_ms=0, duplicates_window_s=window_s
        )
        self._buffer = BufferSettings(key_prefix=NAMESPACE)
        self._entries = workload.entries()
        self._pool = sync_redis(url, socket_timeout=ANSWER_S).connection_pool
        self._connection: Any = self._pool.get_connection()
        self._send(["SCRIPT", "LOAD", APPEND.text])
        self._connection.read_response()

    def fill(self, to: int) -> None:
        """Appends until so many were appended in all."""
        self._pipelined(self.calls(to - self.events, CALL))

    def calls(self, events: int, a_call: int) -> Iterator[list[Any]]:
        """Commands that append the next `events`, so many a call."""
        left = events
        while left > 0:
            entries = list(islice(self._entries, min(a_call, left)))
            left -= len(entries)
            yield self._command(entries)

    def one(self, command: list[Any]) -> None:
        """Sends a command and waits for its answer: all of its events must be new."""
        self._send(command)
        self._check()

    def close(self) -> None:
        self._pool.release(self._connection)
        self._pool.disconnect()

    def _command(self, entries: list[Entry]) -> list[Any]:
        self.events += len(entries)
        call = append_call(self.slot, self._buffer, self.workload.to, self._batch, entries)
        return ["EVALSHA", APPEND.sha, *call.command]

    def _pipelined(self, commands: Iterator[list[Any]]) -> None:
        under_way: deque[None] = deque()
        for command in commands:
            if len(under_way) == AHEAD:
                under_way.popleft()
                self._check()
            self._send(command)
            under_way.append(None)
        for _ in under_way:
            self._check()

    def _send(self, command: list[Any]) -> None:
        self._connection.send_command(*command)

    def _check(self) -> None:
        answer = self._connection.read_response()
        if not isinstance(answer, int):
            raise TypeError(f"not all of a call was appended: {answer!r}")
