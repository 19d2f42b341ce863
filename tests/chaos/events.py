"""The events of a storm: endless streams, drawn from its seed. Each is known by an id that the sandbox tells, too."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from typing import Any, NamedTuple

from producers import audience, session
from producers.clock import now_ms, rfc3339
from tests.chaos.marks import FIELD, can_bear

ACCOUNTS = {
    "event-api": ("10001", "10002", "10003", "10004"),
    "server-events": ("20001", "20002"),
    "audience": ("30001", "30002"),
}
SHARES = {"event-api": 0.5, "server-events": 0.35, "audience": 0.15}  # of the rate
SESSIONS, LISTS = 8, 2  # of an account
LONGEST_RUN = 40  # addresses that join or leave a list one after the other
MARKED = 0.01


class Event(NamedTuple):
    """`order`: its order key within the account, "" for none; `number`: its place there. `mark`: why it must die."""

    id: str
    destination: str
    account: str
    order: str
    number: int
    mark: str
    event: dict[str, Any]

    @property
    def line(self) -> dict[str, Any]:
        return {"destination": self.destination, "account": self.account, "event": self.event, "id": self.id}


Marker = Callable[[], str]


def marker(destination: str, marks: Sequence[str], rng: random.Random) -> Marker:
    """Gives a mark for the next event; mostly none."""
    possible = [mark for mark in marks if can_bear(destination, mark)]
    return lambda: rng.choice(possible) if possible and rng.random() < MARKED else ""


def conversions(name: str, rng: random.Random, mark: Marker) -> Iterator[Event]:
    for number in count():
        account, event_id, marked = rng.choice(ACCOUNTS["event-api"]), f"{name}-{number}", mark()
        data = {"email": f"{event_id}@example.com", "amount": "12.50", **({FIELD: marked} if marked else {})}
        event = {
            "clientEventId": event_id,
            "eventType": "conversion",
            "objectData": [{"name": key, "value": value} for key, value in data.items()],
        }
        yield Event(event_id, "event-api", account, "", number, marked, event)


def signals(name: str, rng: random.Random, mark: Marker) -> Iterator[Event]:
    """Sessions of every account, each with a running number."""
    numbers = {(a, f"{name}-{a}-{s}"): count() for a in ACCOUNTS["server-events"] for s in range(SESSIONS)}
    while True:
        (account, key), number, marked = (chosen := rng.choice(list(numbers))), next(numbers[chosen]), mark()
        metadata = {"number": str(number), **({FIELD: marked} if marked else {})}
        event = session.viewed(session=key, parent=f"creative-{account}", transaction=f"order-{key}", metadata=metadata)
        event["eventTime"] = rfc3339(now_ms())
        yield Event(signal_id(event), "server-events", account, key, number, marked, event)


def members(name: str, rng: random.Random, mark: Marker) -> Iterator[Event]:
    """Runs of addresses that join a list, then of others that leave it; each address once."""
    lists = {(a, f"{name}-{a}-{i}"): _runs(rng) for a in ACCOUNTS["audience"] for i in range(LISTS)}
    while True:
        (account, key) = chosen = rng.choice(list(lists))
        number, action = next(lists[chosen])
        marked = mark()
        address = f"{key}.{number}{'.' + marked if marked else ''}@example.com"
        change = audience.include if action == "include" else audience.exclude
        yield Event(address, "audience", account, key, number, marked, dict(change(address, list_name=key)))


def _runs(rng: random.Random) -> Iterator[tuple[int, str]]:
    numbers = count()
    while True:
        for action in ("include", "exclude"):
            for _ in range(rng.randint(5, LONGEST_RUN)):
                yield next(numbers), action


def signal_id(event: Any) -> str:
    """As the sandbox makes it: a Server Event has no id of its own."""
    return hashlib.sha256(json.dumps(event, sort_keys=True, separators=(",", ":")).encode()).hexdigest()[:32]


def id_in(destination: str, payload: bytes) -> str:
    """The id of a stored event, from its text in the request."""
    value = json.loads(payload)
    if destination == "event-api":
        return str(value["clientEventId"])
    return signal_id(value) if destination == "server-events" else str(value)


STREAMS = {"event-api": conversions, "server-events": signals, "audience": members}
