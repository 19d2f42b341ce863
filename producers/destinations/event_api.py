"""`event-api`: conversions and other client events. Source: event-api.txt, "POST Events", Parameters."""

from __future__ import annotations

from base64 import b64encode
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from producers.clock import Window, parse_rfc3339_utc, rfc3339
from producers.destinations.accounts import HEADERS_KEPT, AccountCredentials, lacking
from producers.destinations.answers import Answer, Request
from producers.destinations.contract import Destination, Prepared, Whole, decoded, without_time
from producers.destinations.ids import new_id
from producers.destinations.outcomes import (
    ALL_TAKEN,
    SERVER_SIDE_CODES,
    Delivered,
    Outcome,
    Reason,
    Rejected,
    Retry,
    not_taken,
    told,
    unreadable,
)
from producers.errors import Fault, InvalidEvent
from producers.validation import account_faults, all_faults, encoding_faults, faults_of, is_account

RESERVED_PREFIX = "rokt."  # any case; kept for Rokt's own names
DEFAULT_EVENT_TYPE = "conversion"
_ENCODER = msgspec.json.Encoder()
ROKT_VERSION = "2020-05-21"
RETRIED_CODES = SERVER_SIDE_CODES | {"RequestBodyReadError"}

Name = Annotated[str, Meta(min_length=1, max_length=256)]
Value = Annotated[str, Meta(max_length=65536)]


class Field(Struct, frozen=True, forbid_unknown_fields=True, gc=False):  # it holds texts alone: no cycles
    """A `metaData` or `objectData` entry."""

    name: Name
    value: Value


# Older editions of the document limit both lists to 100; a request that holds one longer is refused whole.
Fields = Annotated[list[Field], Meta(max_length=100)]


class Event(Struct, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """An `EventObject`. Lengths are in characters. Id and time are set here if the caller gave none."""

    clientEventId: Annotated[str, Meta(min_length=1, max_length=36)] | UnsetType = UNSET  # noqa: N815 - Rokt's spelling
    eventType: Annotated[str, Meta(min_length=1, max_length=128)]  # noqa: N815 - Rokt's spelling
    eventTime: str | UnsetType = UNSET  # noqa: N815 - Rokt's spelling
    metaData: Fields | UnsetType = UNSET  # noqa: N815 - Rokt's spelling
    objectData: Fields | UnsetType = UNSET  # noqa: N815 - Rokt's spelling


class _Error(Struct, frozen=True):
    code: str = "NoCode"
    message: str = ""


class _Unprocessed(Struct):
    error: _Error = _Error()
    record: Any = None


class _Data(Struct):
    unprocessedRecords: list[_Unprocessed] | None  # noqa: N815 - Rokt's spelling; a nil list may be written as null


class _Success(Struct):
    data: _Data


class _Refusal(Struct):
    data: _Error


def envelope_bytes(account: str, _order: str, _kind: str) -> int:
    """Bytes of a request around its events: `{"accountId":"…","events":[…]}`."""
    return len(b'{"accountId":,"events":[]}') + len(_ENCODER.encode(account))


def prepare(account: str, event: Any, event_id: str | None, now: int) -> Prepared:
    """One event, checked against every limit of the document; id and time are made here if the caller gave none.

    Raises `InvalidEvent` with every fault: fields are named as in the document, from `event` on.
    """
    try:
        checked, event_time = _checked(event, event_id, now)
        payload = _ENCODER.encode(checked)
        sound = is_account(account) or not list(account_faults(account))
    except (ValueError, TypeError, RecursionError):  # among the ValueErrors: msgspec's, and a lone surrogate's
        sound = False
    if not sound:
        whole = _with_id_and_time(event, event_id, now)
        raise InvalidEvent(all_faults(_faults(account, whole, event_id, now), "event"))
    return Prepared(checked.clientEventId, event_time, payload, "", "", "", checked.eventType, without_time(payload))


def _checked(event: Any, event_id: str | None, now: int) -> tuple[Any, int]:
    """The event with id and time, and that time in milliseconds. Raises ValueError or TypeError if it is not sound."""
    if event_id is not None or type(event) is not dict:  # nearly always it can be read as it is, without a copy
        event = _with_id_and_time(event, event_id, now)
    checked: Any = msgspec.convert(event, Event)
    if checked.clientEventId is UNSET and "clientEventId" not in event:
        checked.clientEventId = new_id()
    event_time = now
    if "eventTime" in event:
        event_time = parse_rfc3339_utc(checked.eventTime)
        if EVENT_API.window.fault(event_time, now) is not None:
            raise ValueError("its time")
    else:
        checked.eventTime = rfc3339(now)
    if checked.clientEventId is UNSET or (event_id is not None and checked.clientEventId != event_id):
        raise ValueError("its id")
    if _holds_reserved_name(checked):
        raise ValueError("a reserved name")
    return checked, event_time


def _with_id_and_time(event: object, event_id: str | None, now: int) -> object:
    if not isinstance(event, Mapping):
        return event
    made: dict[str, Any] = {}
    if "clientEventId" not in event:
        made["clientEventId"] = event_id if event_id is not None else new_id()
    if "eventTime" not in event:
        made["eventTime"] = rfc3339(now)
    return {**event, **made}


def _faults(account: object, event: object, event_id: str | None, now: int) -> Iterator[Fault]:
    yield from account_faults(account)
    yield from faults_of(event, Event, "event")
    if not isinstance(event, dict):
        return
    yield from encoding_faults(event, "event")
    yield from EVENT_API.window.faults(event.get("eventTime"), now, "event.eventTime")
    yield from _reserved_names(event)
    if event_id is not None and event.get("clientEventId") != event_id:
        yield Fault("id", "differs from event.clientEventId, which is the id of this destination")


def _holds_reserved_name(event: Event) -> bool:
    """As `_reserved_names`, whose look at every name its first letter spares: an R is the small one of R alone."""
    for entries in (event.metaData, event.objectData):
        for entry in entries or ():
            if entry.name[0] in "rR" and entry.name.lower().startswith(RESERVED_PREFIX):
                return True
    return False


def _reserved_names(event: Any) -> Iterator[Fault]:
    for part in ("metaData", "objectData"):
        entries = event.get(part)
        for index, entry in enumerate(entries if isinstance(entries, list | tuple) else ()):
            name = entry.get("name") if isinstance(entry, Mapping) else None
            if isinstance(name, str) and name.lower().startswith(RESERVED_PREFIX):
                yield Fault(f"event.{part}[{index}].name", "the prefix rokt. is reserved for Rokt")


def missing(credentials: AccountCredentials) -> list[str]:
    """A key pair for v2, or app credentials for v1."""
    return [] if client_of(credentials) else lacking(credentials, "public_key", "secret_key")


def client_of(credentials: AccountCredentials) -> tuple[str, str] | None:
    """App id and secret where the account has no key pair: "Legacy Authentication (v1)"."""
    if not lacking(credentials, "public_key", "secret_key") or lacking(credentials, "app_id", "app_secret"):
        return None
    return credentials.app_id, credentials.app_secret


def request(host: str, of: Whole, payloads: Sequence[bytes], credentials: AccountCredentials) -> Request:
    """The document's "Header" and "Parameters", and the events as they were stored. v1 differs by a bearer token."""
    headers = _headers(of.token, credentials)
    parts = (b'{"accountId":', _ENCODER.encode(of.account), b',"events":[', b",".join(payloads), b"]}")
    return Request(host + ("/v1/events" if of.token else "/v2/events"), headers, b"".join(parts))


@lru_cache(maxsize=HEADERS_KEPT)
def _headers(token: str, credentials: AccountCredentials) -> Mapping[str, str]:
    pair = b64encode(f"{credentials.public_key}:{credentials.secret_key}".encode()).decode()
    return MappingProxyType(
        {
            "Content-Type": "application/json",
            "Charset": "utf-8",
            "Rokt-Version": ROKT_VERSION,
            "Authorization": f"Bearer {token}" if token else f"Basic {pair}",
            "Accept": "application/json",
        }
    )


def outcome(answer: Answer, payloads: Sequence[bytes]) -> Outcome:
    """The document's "Responses" and "200 error scenario"."""
    if answer.status == 200:
        return _taken(answer, payloads)
    if answer.status == 413:
        return Rejected((Reason("PayloadTooLarge", "HTTP status 413"),))
    if answer.status in (400, 422):
        return _refused(answer)
    return not_taken(answer, _reason_in(answer))


def _refused(answer: Answer) -> Outcome:
    reason = _reason_in(answer)
    if reason is None:
        return unreadable(answer, "no error code in it")
    if reason.code in RETRIED_CODES:
        return Retry((reason,), answered=reason.code not in SERVER_SIDE_CODES)
    return Rejected((reason,))


def _reason_in(answer: Answer) -> Reason | None:
    try:
        error = msgspec.json.decode(answer.body, type=_Refusal).data
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return told(error.code, error.message) if error.code != "NoCode" else None


def _taken(answer: Answer, payloads: Sequence[bytes]) -> Outcome:
    try:
        records = msgspec.json.decode(answer.body.decode(), type=_Success).data.unprocessedRecords or []
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        return unreadable(answer, str(error))
    return _matched(records, payloads) if records else ALL_TAKEN


def _matched(records: Sequence[_Unprocessed], payloads: Sequence[bytes]) -> Delivered:
    """Finds the events that the records name, by `clientEventId`."""
    reasons: dict[int, list[Reason]] = defaultdict(list)
    unclear: set[int] = set()
    places = _places_by_id(payloads)
    for record in records:
        named = _named(record, places, payloads)
        free = [place for place in named if place not in reasons] or named
        if free and len({payloads[place] for place in named}) == 1:
            reasons[free[0]].append(told(record.error.code, record.error.message))
        else:
            unclear.update(named or range(len(payloads)))
    later = {place for place, given in reasons.items() if all(each.code in RETRIED_CODES for each in given)}
    refused = {place: tuple(given) for place, given in reasons.items() if place not in later}
    return Delivered(refused, frozenset(later), frozenset(unclear - reasons.keys()))


def _named(record: _Unprocessed, places: Mapping[object, list[int]], payloads: Sequence[bytes]) -> list[int]:
    """The places that a record may mean: none if it names an event that was not sent."""
    if len(payloads) == 1:
        return [0]
    echoed = record.record.get("clientEventId") if isinstance(record.record, dict) else None
    return places.get(echoed, []) if isinstance(echoed, str) else []


def _places_by_id(payloads: Sequence[bytes]) -> Mapping[object, list[int]]:
    places: dict[object, list[int]] = defaultdict(list)
    for place, payload in enumerate(payloads):
        places[event_id(payload)].append(place)
    return places


def event_id(payload: bytes) -> str:
    """`clientEventId`; nothing for bytes that are no event."""
    event = decoded(payload, Whole(""))
    found = event.get("clientEventId") if isinstance(event, dict) else None
    return found if isinstance(found, str) else ""


EVENT_API = Destination(
    name="event-api",
    max_events=100,
    max_bytes=1_000_000,
    window=Window(months=18),
    envelope_bytes=envelope_bytes,
    prepare=prepare,
    hosts={"production": "https://api.rokt.com"},
    missing=missing,
    request=request,
    outcome=outcome,
    client_of=client_of,
    id_in=event_id,
    event_types=(DEFAULT_EVENT_TYPE,),
    takes_idempotency_keys=True,
)
