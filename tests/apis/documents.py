"""The JSON samples of Rokt's documents: their syntax repaired, and the times moved to now."""

from __future__ import annotations

from typing import Any

from tests.apis.cases import HASH
from tests.apis.support import at

Line = dict[str, Any]


def lines(tag: str, pair: str, legacy: str) -> list[tuple[str, Line]]:
    """Where each stands, and its lines for `enqueue`, for accounts with these credentials."""
    return [
        *[('event-api.txt, "Sample"', _event_line(pair, event)) for event in _bookings()],
        ('event-api.txt, "200 error scenario"', _event_line(pair, _conversion())),
        *[('server-events-api.txt, "Request Example"', _signal_line(tag, event)) for event in _signals()],
        *[('custom-audience-import-api.txt, "cURL"', _audience_line(pair, event)) for event in _members()],
        *[('custom-audience-import-api.txt, "(Legacy)"', _audience_line(legacy, event)) for event in _members()],
    ]


def _event_line(account: str, event: Line) -> Line:
    return {"destination": "event-api", "account": account, "event": event}


def _signal_line(account: str, event: Line) -> Line:
    return {"destination": "server-events", "account": account, "event": event}


def _audience_line(account: str, event: Line) -> Line:
    return {"destination": "audience", "account": account, "event": event}


def _bookings() -> list[Line]:
    return [
        _booking("ff3bd69c-ca74-4337-af91-4d5d0bd00e38", "email123@example.com", "85.00"),
        _booking("fff4deeb-cdee-49ff-9aad-61b1c4256ca6", "email456@example.com", "99.99"),
    ]


def _booking(event_id: str, email: str, amount: str) -> Line:
    return {
        "clientEventId": event_id,
        "eventType": "booking",
        "eventTime": at(),
        "metaData": [{"name": "sourceServer", "value": "192.0.0.1"}],
        "objectData": [{"name": "email", "value": email}, {"name": "amount", "value": amount}],
    }


def _conversion() -> Line:
    """Another id than the document's, which is that of its second booking."""
    return {
        "clientEventId": "fff4deeb-cdee-49ff-9aad-61b1c4256ca7",
        "eventType": "conversion",
        "eventTime": at(),
        "objectData": [{"name": "firstname", "value": "john"}],
    }


def _signals() -> list[Line]:
    return [
        _signal("SignalImpression", "58bcbaa0-e13c-4a3d-84cd-2803ccc35394", "AdditionalData", "ImpressionSlot"),
        _signal("SignalViewed", "b3a1d523-5490-49f0-a379-7a67628a4cdd", "AdditionalData", "ImpressionCreative"),
        _signal("SignalResponse", "6bea8e29-b3cd-4717-bd82-59ccbca0d863", "experienceId", "RedButton"),
    ]


def _signal(kind: str, parent: str, name: str, value: str) -> Line:
    return {
        "eventType": kind,
        "eventTime": at(),
        "parentGuid": parent,
        "sessionId": "aec20024-8d23-46be-95f3-9be5d86292a9",
        "clientUniqueId": "10f7d87b-e879-47b2-9638-a667e63beae2",
        "metadata": [{"name": name, "value": value}],
    }


def _members() -> list[Line]:
    """Two join the default list; a hash leaves another."""
    return [
        {"email": "alice@example.com", "action": "include"},
        {"email": "bob@example.com", "action": "include"},
        {"list": "US_Customers", "sha256": HASH, "action": "exclude"},
    ]
