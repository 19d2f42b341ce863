"""The events of these tests. A leaf: the shops that run as processes import nothing else of the tests."""

from __future__ import annotations

from typing import Any

from producers import Producer
from producers.clock import now_ms, rfc3339

SESSIONS = "server-events"


def one(producer: Producer, name: str) -> Any:
    return producer.enqueue("event-api", account="1", event={"clientEventId": name, "eventType": "conversion"})


def of_session(producer: Producer, session: str, number: int) -> Any:
    """Its number is its `clientUniqueId`."""
    event = {
        "eventType": "SignalImpression",
        "eventTime": rfc3339(now_ms()),
        "sessionId": session,
        "parentGuid": f"guid-{number}",
        "clientUniqueId": str(number),
    }
    return producer.enqueue(SESSIONS, account="7", event=event)


def lines(first: int, count: int) -> list[dict[str, Any]]:
    return [
        {"destination": "event-api", "account": "1", "event": {"clientEventId": f"m{n}", "eventType": "conversion"}}
        for n in range(first, first + count)
    ]
