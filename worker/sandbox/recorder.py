"""What the sandbox remembers: every request, every event it took in, and how many requests ran at once. In memory.

Nothing here looks at a clock or a socket. Every question but a listing is answered from counts kept on the way, so
the cost of one more request does not depend on how many came before.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from .api import Counted, Json, Reading


@dataclass(slots=True)
class Request:
    """One request. `arrived` and `ended` are seconds of the monotonic clock; `status` stays None without an answer."""

    number: int
    api: str
    path: str
    account: str | None
    group: str | None
    details: Mapping[str, Json]
    events: int
    trace_id: str
    arrived: float
    ended: float | None = None
    status: int | None = None


@dataclass(slots=True)
class Tally:
    """Counts of one API and account, or of all: duplicates are `accepted - distinct`."""

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


class Accepted(NamedTuple):
    """What was accepted of one request: the index in its body and the id of each event.

    No `ids`: all of it, of an API whose records have none.
    """

    request: Request
    body: bytes
    ids: Sequence[tuple[int, str]]


class Recorder:
    """The memory. One event loop uses it, so no step needs a lock."""

    def __init__(self) -> None:
        self._waiters: dict[asyncio.Future[None], Callable[[], bool]] = {}
        self.reset()

    def reset(self) -> None:
        """Forget everything; requests that are still under way are not counted any more."""
        self.requests: list[Request] = []
        self.places: dict[Key, list[Place]] = {}
        self._tallies: defaultdict[tuple[str | None, str | None], Tally] = defaultdict(Tally)
        self._by_account: defaultdict[str | None, list[Request]] = defaultdict(list)
        self._ids: defaultdict[str, list[Key]] = defaultdict(list)
        self._accepted: list[Accepted] = []

    def begin(self, api: str, path: str, reading: Reading, trace_id: str, arrived: float) -> Request:
        """Note a request that was read to its end."""
        request = Request(
            number=len(self.requests) + 1,
            api=api,
            path=path,
            account=reading.account,
            group=reading.group,
            details=reading.details,
            events=len(reading.records),
            trace_id=trace_id,
            arrived=arrived,
        )
        self.requests.append(request)
        self._by_account[request.account].append(request)
        for tally in self._of(request):
            tally.begin()
        self._tell()
        return request

    def end(self, request: Request, status: int | None, ended: float) -> None:
        """Note how a request ended: with this status, or None when no answer was given."""
        request.ended, request.status = ended, status
        if self._is_current(request):
            for tally in self._of(request):
                tally.end(status)

    def take_in(self, request: Request, body: bytes, ids: Iterable[tuple[int, str]], others: Counted) -> None:
        """Note events as accepted: pairs of their index in the body and their id; of the others only their number."""
        if not self._is_current(request):
            return
        accepted = Accepted(request, body, tuple(ids))
        if accepted.ids or others.accepted:
            self._accepted.append(accepted)
        distinct = 0
        for index, id_ in accepted.ids:
            distinct += self._place(Key(request.api, request.account or "", id_), Place(request, body, index))
        for tally in self._of(request):
            tally.accepted += len(accepted.ids) + others.accepted
            tally.distinct += distinct + others.distinct
        self._tell()

    def tally(self, api: str | None, account: str | None) -> Tally:
        """The counts of one API and account (None: of all)."""
        return self._tallies.get((api, account), Tally())

    def requests_of(self, account: str | None) -> Sequence[Request]:
        """The requests of one account, or all (None), in the order they came."""
        return self.requests if account is None else self._by_account.get(account, ())

    def counts(self, account: str | None) -> Iterator[tuple[Key, int]]:
        """How often each event was accepted, of one account or of all (None)."""
        return ((key, len(places)) for key, places in self.places.items() if account in (None, key.account))

    def accepted(self, api: str | None, account: str | None, group: str | None) -> Iterator[Accepted]:
        """What was accepted for an API, account and group (None: all of them), in the order of its acceptance."""
        for accepted in self._accepted:
            request = accepted.request
            if api in (None, request.api) and account in (None, request.account) and group in (None, request.group):
                yield accepted

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

    def _of(self, request: Request) -> list[Tally]:
        """The counts in which a request takes part."""
        places = {(api, account) for api in (None, request.api) for account in (None, request.account)}
        return [self._tallies[place] for place in places]

    def _is_current(self, request: Request) -> bool:
        """Whether the request is of the time since the last reset."""
        return request.number <= len(self.requests) and self.requests[request.number - 1] is request

    def _tell(self) -> None:
        for signal, reached in list(self._waiters.items()):
            if not signal.done() and reached():
                signal.set_result(None)
