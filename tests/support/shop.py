"""A shop that goes on selling while Redis is in trouble, and remembers what it was told."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from producers import EnqueueFailed, Producer
from tests.integration.support import sample


class Shop:
    """Enqueues events, a few at a time, until it is told to stop; it knows what was accepted and what is unsure.

    `slowest`: the longest call, in seconds. `failures`: every reason that it was given.
    """

    def __init__(self, env: Mapping[str, str], pause_s: float = 0.005, accounts: str = "3000") -> None:
        self.accepted: set[str] = set()
        self.unsure: set[str] = set()
        self.failures: set[str] = set()
        self.slowest = 0.0
        self._pause_s = pause_s
        self._accounts = accounts
        self._producer = Producer.from_env(env)
        self._closed = threading.Event()

    @contextmanager
    def open(self) -> Iterator[Shop]:
        thread = threading.Thread(target=self._sell)
        thread.start()
        try:
            yield self
        finally:
            self._closed.set()
            thread.join()
            self._producer.close()

    def _sell(self) -> None:
        number = 0
        while not self._closed.wait(self._pause_s):
            lines = [sample(f"{self._accounts}{place % 3}", number + place) for place in range(10)]
            number += len(lines)
            ids = [line["event"]["clientEventId"] for line in lines]
            started = time.monotonic()
            results = self._producer.enqueue_many(lines)
            self.slowest = max(self.slowest, time.monotonic() - started)
            for event_id, result in zip(ids, results, strict=True):
                if result.error is None:
                    self.accepted.add(event_id)
                elif isinstance(result.error, EnqueueFailed):
                    self.failures.add(result.error.reason)
                    if result.error.maybe_accepted:
                        self.unsure.add(event_id)
