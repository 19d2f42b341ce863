"""The requests of one delivery: which attempts have one on the wire, and what is cut off when the worker ends."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any

from producers.destinations.answers import Answer, NoAnswer, Request
from worker.http import Transport
from worker.lifecycle.stopping import Stop


class Wire:
    """A transport that remembers which tasks used it: their batches may have arrived."""

    def __init__(self, transport: Transport, stop: Stop) -> None:
        self._transport = transport
        self._stop = stop
        self._used: set[asyncio.Task[Any] | None] = set()

    def post(self, request: Request, timeout_s: float) -> Coroutine[Any, Any, Answer | NoAnswer]:
        self._used.add(asyncio.current_task())
        return self._transport.post(request, timeout_s)

    def forget(self) -> None:
        """The attempt of the current task has ended."""
        self._used.discard(asyncio.current_task())

    async def close(self) -> None:
        """The transport is its owner's to close."""

    def was_used(self) -> bool:
        """Whether the current task has sent a request."""
        return asyncio.current_task() in self._used

    def cut(self, flights: Iterable[asyncio.Task[Any]]) -> None:
        """Cancels, once the worker is to end, those that sent nothing yet; those that did, when their time is over.

        Each must have begun: a task that is cancelled before would not know of it.
        """
        if self._stop.asked:
            over = self._stop.over
            for flight in flights:
                if (over or flight not in self._used) and not flight.cancelling():
                    flight.cancel()
