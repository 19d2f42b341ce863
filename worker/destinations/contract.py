"""What delivery asks of a destination: pure functions, one module an API."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from producers.destinations import Destination
from producers.stored_event import StoredEvent
from worker.answers import Answer, Request
from worker.credentials import AccountCredentials
from worker.outcomes import Outcome


class Api(NamedTuple):
    """The delivery side of one Rokt API.

    `accepts` is the producers' half. `hosts`: environment -> scheme and host. `missing(credentials)` names the fields
    that an account lacks. `request(host, account, payloads, credentials)` makes the POST. `outcome(answer, payloads)`
    says what an answer means. `event_id(stored)` is the id under which an event is known.
    """

    accepts: Destination
    hosts: Mapping[str, str]
    missing: Callable[[AccountCredentials], list[str]]
    request: Callable[[str, str, Sequence[bytes], AccountCredentials], Request]
    outcome: Callable[[Answer, Sequence[bytes]], Outcome]
    event_id: Callable[[StoredEvent], str]
    event_of: Callable[[StoredEvent], Any]

    @property
    def name(self) -> str:
        return self.accepts.name
