"""Events, stored events and batches that the unit tests share. The clock stands still at `NOW`."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import strategies as st

from producers.clock import parse_rfc3339_utc
from producers.destinations.contract import Prepared
from producers.destinations.event_api import prepare
from producers.errors import Fault, InvalidEvent
from producers.stored_event import StoredEvent
from worker.buffer.batches import Batch

NOW = parse_rfc3339_utc("2026-11-22T10:00:00.000Z")
ACCOUNT = "12345"

Json = Any
json_values: st.SearchStrategy[Json] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)


def event(**fields: Any) -> dict[str, Any]:
    """A good event with `fields` in place of its own; a field given as ... is left out."""
    whole = {
        "clientEventId": "ff3bd69c-ca74-4337-af91-4d5d0bd00e38",
        "eventType": "booking",
        "eventTime": "2026-11-22T09:59:00.000Z",
        "metaData": [{"name": "sourceServer", "value": "192.0.0.1"}],
        "objectData": [{"name": "email", "value": "john@example.com"}, {"name": "amount", "value": "85.00"}],
        **fields,
    }
    return {name: value for name, value in whole.items() if value is not ...}


def prepared(whole: object, account: Any = ACCOUNT, event_id: str | None = None, now: int = NOW) -> Prepared:
    """What `event-api` makes of an event."""
    return prepare(account, whole, event_id, now)


def faults(whole: object, account: Any = ACCOUNT, event_id: str | None = None, now: int = NOW) -> list[Fault]:
    """Why `event-api` refuses an event. Fails the test if it does not."""
    with pytest.raises(InvalidEvent) as refusal:
        prepare(account, whole, event_id, now)
    return list(refusal.value.faults)


def payload(event_id: str, **more: Any) -> bytes:
    """An event as it goes into a request."""
    return json.dumps({"clientEventId": event_id, "eventType": "booking", **more}).encode()


def stored(body: bytes, event_time: int = NOW) -> bytes:
    """An event as it waits in Redis."""
    return StoredEvent(NOW, event_time, body).encode()


def batch(events: int, *, first: int = 0, attempts: int = 1, oldest: int = NOW, **more: Any) -> Batch:
    """A claimed batch of so many events."""
    fields: dict[str, Any] = {
        "id": "7-abcdef",
        "account": ACCOUNT,
        "order": "",
        "kind": "",
        "source": "7-abcdef",
        "first": first,
        "last": first + events - 1,
        "events": events,
        "size": 1000,
        "oldest": oldest,
        "newest": NOW,
        "attempts": attempts,
        "opened": NOW,
        "tried_for": 0,
        "probe": 0,
        "sent": 0,
        "token": "t0ken",
    }
    return Batch(**(fields | more))
