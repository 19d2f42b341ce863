"""Signals of a session in a shop's words: events for `server-events`. Source: server-events-api.txt, "Event type".

All of them: `session`, the id from the answer to `/offers`. `transaction` becomes `clientUniqueId`, which ties the
session to the shop's. `at` must know its time zone; without it the producer says when. `metadata`: name and value.
These events carry no id of their own: one that you choose is given to `enqueue(…, id=…)`. They raise `InvalidEvent`
for a time without a zone and for `metadata` that is no mapping; what else may be wrong is told by `enqueue`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from producers.errors import Fault
from producers.shop.objectdata import pairs_of, raise_if, time_of

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
    faults: list[Fault] = []
    time, pairs = time_of(at, faults), pairs_of(metadata, "metadata", faults)
    raise_if(faults)
    event = {"eventType": kind, "sessionId": session, "parentGuid": parent, "clientUniqueId": transaction}
    return {**event, **time, **({"metadata": pairs} if pairs else {})}
