"""The producers of a storm: threads that enqueue single events and note what they were told of each."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import Literal, NamedTuple

from producers import EnqueueFailed, Producer
from tests.chaos.events import SHARES, STREAMS, Event, marker
from tests.chaos.plan import Plan

Told = Literal["returned", "maybe", "refused"]
THREADS = 2  # of a destination; each has its own sessions and lists, so that their order is defined
BURST = 10  # events of `enqueue_many`
AWAY_S = 0.1


class Entry(NamedTuple):
    """An event, and what its producer was told: accepted, perhaps accepted, not accepted."""

    event: Event
    told: Told


class Crowd:
    """Enqueues at the plan's rate until it is stopped."""

    def __init__(self, plan: Plan, environ: Mapping[str, str]) -> None:
        self._plan = plan
        self._producer = Producer.from_env(environ)
        self._stopped = threading.Event()
        self._threads = ThreadPoolExecutor(THREADS * len(SHARES), "producer")
        self._books: list[Future[list[Entry]]] = []

    def start(self) -> None:
        self._books = [self._begun(destination, number) for destination in SHARES for number in range(THREADS)]

    def stop(self) -> dict[str, Entry]:
        """Everything that was enqueued, by id. Raises what no producer should meet."""
        self._stopped.set()
        entries = [entry for book in self._books for entry in book.result()]
        self._threads.shutdown()
        self._producer.close()
        return {entry.event.id: entry for entry in entries}

    def _begun(self, destination: str, number: int) -> Future[list[Entry]]:
        name = f"{destination[0]}{self._plan.seed}-{number}"
        rng = random.Random(f"{self._plan.seed}: {name}")
        stream = STREAMS[destination](name, rng, marker(destination, self._plan.faults.marks(), rng))
        rate = self._plan.rate * SHARES[destination] / THREADS
        return self._threads.submit(self._enqueue, stream, rate, rng)

    def _enqueue(self, stream: Iterator[Event], rate: float, rng: random.Random) -> list[Entry]:
        book: list[Entry] = []
        pause = 0.0
        while not self._stopped.wait(pause):
            events = list(islice(stream, rng.choice((1, 1, 1, BURST))))
            told = [self._one(events[0])] if len(events) == 1 else self._many(events)
            book += [Entry(event, word) for event, word in zip(events, told, strict=True)]
            pause = len(events) / rate + (AWAY_S if told[-1] != "returned" else 0)
        return book

    def _one(self, event: Event) -> Told:
        try:
            self._producer.enqueue(event.destination, account=event.account, event=event.event, id=event.id)
        except EnqueueFailed as error:
            return _told(error)
        return "returned"

    def _many(self, events: list[Event]) -> list[Told]:
        results = self._producer.enqueue_many([event.line for event in events])
        return ["returned" if result.error is None else _told(result.error) for result in results]


def _told(error: Exception) -> Told:
    if not isinstance(error, EnqueueFailed):
        raise error
    return "maybe" if error.maybe_accepted else "refused"
