"""The events that every system sends. The standard library alone: the peers' environment imports this module, too.

An event is planned by its number, so that whoever checks what arrived makes the same plan without being told it.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from random import Random
from typing import Any, NamedTuple

ACCOUNTS = tuple(f"5000{number}" for number in range(1, 9))
SESSIONS_AT_ONCE = 32  # that come interleaved, as a shop's visitors do
MOST_IN_A_SESSION = 25
_MEAN_MORE = 3.5  # of the exponential law below; makes sessions of four events in the mean
_FILLING = 32  # different ones
_NOW = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")  # Rokt takes no time that is long past
WORKLOADS = {"W1": "event-api", "W2": "server-events", "W3": "audience"}
CAPS = {"W1": 100, "W2": 25, "W3": 100_000}


class Planned(NamedTuple):
    """An event before it is written. `order`: what must arrive in the order of `sequence`, within the account."""

    id: str
    account: str
    order: str
    sequence: int


def planned(workload: str, count: int, name: str = "e") -> list[Planned]:
    """The first `count` events; `name` begins their ids."""
    return list(islice(_PLANS[workload](name), count))


def _conversions(name: str) -> Iterator[Planned]:
    number = 0
    while True:
        yield Planned(f"{name}-{number:09d}", ACCOUNTS[number % len(ACCOUNTS)], "", number)
        number += 1


def _signals(name: str) -> Iterator[Planned]:
    """Sessions of 1 to 25 events, four in the mean, interleaved."""
    dice, session, number = Random(4), 0, 0
    live: list[tuple[str, str, int, int]] = []  # account, session, events so far, events in all
    while True:
        while len(live) < SESSIONS_AT_ONCE:
            length = min(MOST_IN_A_SESSION, 1 + int(dice.expovariate(1 / _MEAN_MORE)))
            live.append((ACCOUNTS[session % len(ACCOUNTS)], f"{name}-session-{session:08d}", 0, length))
            session += 1
        account, order, so_far, length = live.pop(0)
        yield Planned(f"{name}-{number:09d}", account, order, so_far)
        number += 1
        if so_far + 1 < length:
            live.append((account, order, so_far + 1, length))


def _members(name: str) -> Iterator[Planned]:
    number = 0
    while True:
        address = f"{name}.{number:08d}@example.com"
        yield Planned(address, ACCOUNTS[number % len(ACCOUNTS)], f"Customers of {name}", number)  # of one caller
        number += 1


_PLANS = {"W1": _conversions, "W2": _signals, "W3": _members}


def _pairs(number: int, room: int) -> list[dict[str, str]]:
    """Fields as a shop fills them, different ones for different events. `room`: characters of the last."""
    dice = Random(number)
    text = "".join(dice.choice("abcdefghijklmnopqrstuvwxyz ") for _ in range(room)).strip()
    return [
        {"name": "currency", "value": "USD"},
        {"name": "amount", "value": f"{dice.randrange(10_000) / 100:.2f}"},
        {"name": "email", "value": f"customer.{dice.randrange(10**6)}@example.com"},
        {"name": "product", "value": f"Tickets for {dice.randrange(10**4)}"},
        {"name": "description", "value": text.ljust(room, "x")},
    ]


_CONVERSION = [_pairs(number, 291) for number in range(_FILLING)]
_SIGNAL = [_pairs(number, 184) for number in range(_FILLING)]


def event_of(workload: str, plan: Planned, number: int) -> dict[str, Any]:
    """The event as `enqueue` takes it, and as Rokt's document spells it (but W3's, which is an address)."""
    if workload == "W1":
        filling: Any = _CONVERSION[number % _FILLING]
        return {"clientEventId": plan.id, "eventType": "conversion", "eventTime": _NOW, "objectData": filling}
    if workload == "W3":
        return {"email": plan.id, "action": "include", "list": plan.order}
    sequence = {"name": "sequence", "value": str(plan.sequence)}
    return {
        "eventType": "SignalViewed",
        "eventTime": _NOW,
        "sessionId": plan.order,
        "parentGuid": plan.id,
        "clientUniqueId": f"order-{plan.order}",
        "metadata": [sequence, *_SIGNAL[number % _FILLING]],
    }


def lines(workload: str, count: int, name: str = "e") -> list[tuple[str, dict[str, Any]]]:
    """Account and event of each."""
    plans = enumerate(planned(workload, count, name))
    return [(plan.account, event_of(workload, plan, number)) for number, plan in plans]
