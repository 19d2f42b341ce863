"""What every destination says of itself: one module an API, all of it pure. A leaf but for the types it speaks in."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from producers.clock import Window
from producers.destinations.accounts import AccountCredentials
from producers.destinations.answers import Answer, Request
from producers.destinations.outcomes import Outcome
from producers.stored_event import StoredEvent


class Prepared(msgspec.Struct, frozen=True, gc=False):  # one an event: no tuple of Python's is made as quickly
    """A checked event, ready to be stored. `event_time` in milliseconds; `payload` is its exact text in the request.

    `order` and `kind`: its order key within the account, and what a request may hold together with it; "" for none.
    `header_id`: the id again, where the payload does not hold it. `event_type`: ids of one type are told apart.
    `said`: the payload without its time, where it has one: what a call that is repeated later says again.
    """

    id: str
    event_time: int
    payload: bytes
    order: str = ""
    kind: str = ""
    header_id: str = ""
    event_type: str = ""
    said: bytes = b""


class Whole(NamedTuple):
    """What all events of one request have in common. `token`: an access token, where the API asks for one."""

    account: str
    order: str = ""
    kind: str = ""
    token: str = ""


class Rate(NamedTuple):
    """What the API asks its callers to keep to."""

    requests_a_second: int
    requests_at_a_time: int


def decoded(payload: bytes, _of: Whole) -> Any:
    """An event whose payload is the event itself; None for bytes that are no event."""
    try:
        return msgspec.json.decode(payload)
    except (ValueError, RecursionError):
        return None


def without_time(payload: bytes) -> bytes:
    """An event's text without its `eventTime`, which does not come first. (A quote within a text is escaped.)"""
    start = payload.index(b',"eventTime":"')
    return payload[:start] + payload[payload.index(b'"', start + 14) + 1 :]


def id_in_no_payload(_payload: bytes) -> str:
    """An API whose events carry no id of ours: it stands in the event's header."""
    return ""


def nobody(_credentials: AccountCredentials) -> None:
    """An API that takes no access token."""


class Destination(NamedTuple):
    """One Rokt API that takes events.

    `max_events`, `max_bytes`: the caps of one request. `envelope_bytes(account, order, kind)`: what a request holds
    around its events. `prepare(account, event, id, now)`: checks one event, raises `InvalidEvent` with every fault.

    `hosts`: environment -> scheme and host. `missing(credentials)`: the fields that an account lacks.
    `request(host, of, payloads, credentials)`: the POST. `outcome(answer, payloads)`: what an answer means.
    `event_types`: those that are looked for where nobody names one.
    `event_of(payload, of)`: the event as the document spells it. `client_of(credentials)`: app id and secret where a
    token must be fetched. `rate`: None where the document names none. `id_in(payload)`: the event's own id.
    """

    name: str
    max_events: int
    max_bytes: int
    window: Window
    envelope_bytes: Callable[[str, str, str], int]
    prepare: Callable[[str, Any, str | None, int], Prepared]
    hosts: Mapping[str, str]
    missing: Callable[[AccountCredentials], list[str]]
    request: Callable[[str, Whole, Sequence[bytes], AccountCredentials], Request]
    outcome: Callable[[Answer, Sequence[bytes]], Outcome]
    event_of: Callable[[bytes, Whole], Any] = decoded
    client_of: Callable[[AccountCredentials], tuple[str, str] | None] = nobody
    rate: Rate | None = None
    takes_idempotency_keys: bool = False
    id_in: Callable[[bytes], str] = id_in_no_payload
    event_types: tuple[str, ...] = ()

    def event_id(self, stored: StoredEvent) -> str:
        """The id under which a stored event is known."""
        return stored.id or self.id_in(stored.payload)

    def type_of(self, payload: bytes, of: Whole, event: Any = None) -> str:
        """Of which type an event is: ids of one type are told apart. `event`: as it was, where it was changed since."""
        event = self.event_of(payload, of) if event is None else event
        kind = event.get("eventType") or event.get("action") if isinstance(event, dict) else None
        return kind if isinstance(kind, str) else ""
