"""`event-api`: conversions and other client events. Source: event-api.txt, "POST Events", Parameters."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from producers.clock import Window, parse_rfc3339_utc, rfc3339
from producers.destinations.contract import Destination, Prepared
from producers.errors import Fault, InvalidEvent
from producers.validation import faults_of

RESERVED_PREFIX = "rokt."  # any case; kept for Rokt's own names
DEFAULT_EVENT_TYPE = "conversion"
_ENCODER = msgspec.json.Encoder()

Account = Annotated[str, Meta(min_length=1, max_length=64)]
Name = Annotated[str, Meta(min_length=1, max_length=256)]
Value = Annotated[str, Meta(max_length=65536)]


class Field(Struct, frozen=True, forbid_unknown_fields=True):
    """A `metaData` or `objectData` entry."""

    name: Name
    value: Value


# Older editions of the document limit both lists to 100; a request that holds one longer is refused whole.
Fields = Annotated[list[Field], Meta(max_length=100)]


class Event(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """An `EventObject`. Lengths are in characters."""

    clientEventId: Annotated[str, Meta(min_length=1, max_length=36)]  # noqa: N815 - Rokt's spelling
    eventType: Annotated[str, Meta(min_length=1, max_length=128)]  # noqa: N815 - Rokt's spelling
    eventTime: str  # noqa: N815 - Rokt's spelling
    metaData: Fields | UnsetType = UNSET  # noqa: N815 - Rokt's spelling
    objectData: Fields | UnsetType = UNSET  # noqa: N815 - Rokt's spelling


def envelope_bytes(account: str) -> int:
    """Bytes of a request around its events: `{"accountId":"…","events":[…]}`."""
    return len(b'{"accountId":,"events":[]}') + len(_ENCODER.encode(account))


def prepare(account: str, event: object, event_id: str | None, now: int) -> Prepared:
    """One event, checked against every limit of the document; id and time are made here if the caller gave none.

    Raises `InvalidEvent` with every fault: fields are named as in the document, from `event` on.
    """
    whole = _with_id_and_time(event, event_id, now)
    try:
        checked = msgspec.convert(whole, Event)
        payload = _ENCODER.encode(checked)
        event_time = parse_rfc3339_utc(checked.eventTime)
        sound = (
            1 <= len(account) <= 64
            and bool(account.encode())
            and (event_id is None or checked.clientEventId == event_id)
            and EVENT_API.window.fault(event_time, now) is None
            and not (b"rokt." in payload.lower() and any(_reserved_names(whole)))
        )
    except (ValueError, TypeError):  # msgspec's errors are ValueErrors; a lone surrogate is a UnicodeEncodeError
        sound = False
    if not sound:
        raise InvalidEvent(list(_faults(account, whole, event_id, now)) or [Fault("event", "cannot be sent")])
    return Prepared(checked.clientEventId, event_time, payload)


def _with_id_and_time(event: object, event_id: str | None, now: int) -> object:
    if not isinstance(event, dict):
        return event
    made: dict[str, Any] = {}
    if "clientEventId" not in event:
        made["clientEventId"] = event_id if event_id is not None else str(uuid.uuid4())
    if "eventTime" not in event:
        made["eventTime"] = rfc3339(now)
    return {**event, **made} if made else event


def _faults(account: object, event: object, event_id: str | None, now: int) -> Iterator[Fault]:
    yield from faults_of(account, Account, "account")
    yield from _encoding_faults(account, "account")
    yield from faults_of(event, Event, "event")
    if not isinstance(event, dict):
        return
    yield from _encoding_faults(event, "event")
    yield from _time_faults(event.get("eventTime"), now)
    yield from _reserved_names(event)
    if event_id is not None and event.get("clientEventId") != event_id:
        yield Fault("id", "differs from event.clientEventId, which is the id of this destination")


def _time_faults(text: object, now: int) -> Iterator[Fault]:
    if not isinstance(text, str):
        return
    try:
        fault = EVENT_API.window.fault(parse_rfc3339_utc(text), now)
    except ValueError as error:
        fault = str(error)
    if fault:
        yield Fault("event.eventTime", fault)


def _reserved_names(event: Any) -> Iterator[Fault]:
    for part in ("metaData", "objectData"):
        entries = event.get(part)
        for index, entry in enumerate(entries if isinstance(entries, list) else ()):
            name = entry.get("name") if isinstance(entry, dict) else None
            if isinstance(name, str) and name.lower().startswith(RESERVED_PREFIX):
                yield Fault(f"event.{part}[{index}].name", "the prefix rokt. is reserved for Rokt")


def _encoding_faults(value: object, at: str) -> Iterator[Fault]:
    """Texts that cannot be written as UTF-8 (half of a surrogate pair)."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield from _encoding_faults(item, f"{at}.{name}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _encoding_faults(item, f"{at}[{index}]")
    elif isinstance(value, str) and any("\ud800" <= character <= "\udfff" for character in value):
        yield Fault(at, "holds half of a surrogate pair, which is no text")


EVENT_API = Destination(
    name="event-api",
    max_events=100,
    max_bytes=1_000_000,
    ordered=False,
    window=Window(months=18),
    envelope_bytes=envelope_bytes,
    prepare=prepare,
)

__all__ = ["DEFAULT_EVENT_TYPE", "EVENT_API", "Event", "Field"]
