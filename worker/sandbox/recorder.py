"""What the sandbox remembers: every request, every event it took in, and how many requests ran at once. In memory.

Nothing here looks at a clock or a socket. Every question but a listing is answered from counts kept on the way, so
the cost of one more request does not depend on how many came before.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple


@dataclass(slots=True)
class Request:
    """One request. `arrived` and `ended` are seconds of the monotonic clock; `status` stays None without an answer."""

    number: int
    path: str
    account: str | None
    events: int
    trace_id: str
    arrived: float
    ended: float | None = None
    status: int | None = None


@dataclass(slots=True)
class Tally:
    """Counts of one account, or of all: duplicates are `accepted - distinct`."""

    requests: int = 0
    accepted: int = 0
    distinct: int = 0
    in_flight: int = 0
    max_concurrency: int = 0
    by_status: Counter[int | None] = field(default_factory=Counter)

    def begin(self) -> None:
        self.requests += 1
        self.in_flight += 1
        self.max_concurrency = max(self.max_concurrency, self.in_flight)

    def end(self, status: int | None) -> None:
        self.in_flight -= 1
        self.by_status[status] += 1


class Key(NamedTuple):
    """The identity of an event."""

    api: str
    account: str
    id: str


class Place(NamedTuple):
    """Where an event was sent: in this request's body, as its record of this index."""

    request: Request
    body: bytes
    position: int


class Recorder:
    """The memory. One event loop uses it, so no step needs a lock."""

    def __init__(self) -> None:
        self._waiters: dict[asyncio.Future[None], Callable[[], bool]] = {}
        self.reset()

    def reset(self) -> None:
        """Forget everything; requests that are still under way are not counted any more."""
        self.total = Tally()
        self.requests: list[Request] = []
        self.places: dict[Key, list[Place]] = {}
        self._tallies: defaultdict[str | None, Tally] = defaultdict(Tally)
        self._by_account: defaultdict[str | None, list[Request]] = defaultdict(list)
        self._ids: defaultdict[str, list[Key]] = defaultdict(list)

    def begin(self, path: str, account: str | None, events: int, trace_id: str, arrived: float) -> Request:
        """Note a request that was read to its end."""
        request = Request(len(self.requests) + 1, path, account, events, trace_id, arrived)
        self.requests.append(request)
        self._by_account[account].append(request)
        for tally in self._both(account):
            tally.begin()
        self._tell()
        return request

    def end(self, request: Request, status: int | None, ended: float) -> None:
        """Note how a request ended: with this status, or None when no answer was given."""
        request.ended, request.status = ended, status
        if self._is_current(request):
            for tally in self._both(request.account):
                tally.end(status)

    def take_in(self, api: str, request: Request, body: bytes, ids: Iterable[tuple[int, str]]) -> None:
        """Note events as accepted: pairs of their index in the body and their id."""
        if not self._is_current(request):
            return
        tallies = self._both(request.account)
        for index, event_id in ids:
            first = self._place(Key(api, request.account or "", event_id), Place(request, body, index))
            for tally in tallies:
                tally.accepted += 1
                tally.distinct += first
        self._tell()

    def tally(self, account: str | None) -> Tally:
        """The counts of one account, or of all (None)."""
        return self.total if account is None else self._tallies.get(account, Tally())

    def requests_of(self, account: str | None) -> Sequence[Request]:
        """The requests of one account, or all (None), in the order they came."""
        return self.requests if account is None else self._by_account.get(account, ())

    def counts(self, account: str | None) -> Iterator[tuple[Key, int]]:
        """How often each event was accepted, of one account or of all (None)."""
        return ((key, len(places)) for key, places in self.places.items() if account in (None, key.account))

    def find(self, event_id: str, account: str | None) -> Key | None:
        """The first accepted event of an id."""
        return next((key for key in self._ids.get(event_id, ()) if account in (None, key.account)), None)

    def when(self, reached: Callable[[], bool]) -> asyncio.Future[None]:
        """A signal to wait for: done as soon as the condition holds. Cancel it to be forgotten."""
        signal: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters[signal] = reached
        signal.add_done_callback(self._waiters.pop)
        self._tell()
        return signal

    def _place(self, key: Key, place: Place) -> bool:
        places = self.places.get(key)
        if places is None:
            self.places[key] = [place]
            self._ids[key.id].append(key)
            return True
        places.append(place)
        return False

    def _both(self, account: str | None) -> tuple[Tally, Tally]:
        return self.total, self._tallies[account]

    def _is_current(self, request: Request) -> bool:
        """Whether the request is of the time since the last reset."""
        return request.number <= len(self.requests) and self.requests[request.number - 1] is request

    def _tell(self) -> None:
        for signal, reached in list(self._waiters.items()):
            if not signal.done() and reached():
                signal.set_result(None)
