"""Signals of a session in a shop's words: events for `server-events`. Source: server-events-api.txt, "Event type"."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from producers.clock import rfc3339_of

Metadata = Mapping[str, str] | None


def impression(
    *, session: str, parent: str, transaction: str, at: datetime | None = None, metadata: Metadata = None
) -> dict[str, Any]:
    """A placement, slot or creative was rendered and is visible. `parent`: its placement, slot or creative guid."""
    return _signal("SignalImpression", session, parent, transaction, at, metadata)


def viewed(
    *, session: str, parent: str, transaction: str, at: datetime | None = None, metadata: Metadata = None
) -> dict[str, Any]:
    """Half of it or more was in the viewport for one second. `parent`: the creative guid."""
    return _signal("SignalViewed", session, parent, transaction, at, metadata)


def response(
    *, session: str, parent: str, transaction: str, at: datetime | None = None, metadata: Metadata = None
) -> dict[str, Any]:
    """A customer chose an answer on a creative. `parent`: the response option guid."""
    return _signal("SignalResponse", session, parent, transaction, at, metadata)


def _signal(
    kind: str, session: str, parent: str, transaction: str, at: datetime | None, metadata: Metadata
) -> dict[str, Any]:
    """`transaction` becomes `clientUniqueId`, which ties the session to the shop's. `at` must know its time zone."""
    event: dict[str, Any] = {
        "eventType": kind,
        "sessionId": session,
        "parentGuid": parent,
        "clientUniqueId": transaction,
    }
    if at is not None:
        event["eventTime"] = rfc3339_of(at)
    if metadata:
        event["metadata"] = [{"name": name, "value": value} for name, value in metadata.items()]
    return event
