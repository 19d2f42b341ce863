"""`server-events`: placement signals of a session. Source: server-events-api.txt.

Events of one session leave in the order they came, at most 25 in a request, one request at a time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import Annotated, Any, Literal, get_args

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from producers.clock import Window, parse_rfc3339_utc, rfc3339
from producers.destinations.accounts import HEADERS_KEPT, AccountCredentials, lacking
from producers.destinations.answers import Answer, Request
from producers.destinations.contract import Destination, Prepared, Whole, without_time
from producers.destinations.ids import made_or_given
from producers.destinations.outcomes import (
    ALL_TAKEN,
    SERVER_SIDE_CODES,
    Outcome,
    Reason,
    Rejected,
    not_taken,
    told,
    unreadable,
)
from producers.destinations.session_matching import Echo, matched
from producers.errors import Fault, InvalidEvent
from producers.validation import account_faults, all_faults, encoding_faults, faults_of, is_account

_SPELLINGS = {"Name": "name", "Value": "value"}  # the document's table -> its sample
_ENCODER = msgspec.json.Encoder()
Text = Annotated[str, Meta(min_length=1)]
Type = Literal["SignalImpression", "SignalViewed", "SignalResponse"]


class Pair(Struct, frozen=True, forbid_unknown_fields=True, gc=False):  # it holds texts alone: no cycles
    """A `NameValuePair`, spelled as the document's sample does."""

    name: Text
    value: str


class Event(Struct, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A `PartnerEvent`. The time is set here if the caller gave none."""

    eventType: Type  # noqa: N815 - Rokt's spelling
    eventTime: str | UnsetType = UNSET  # noqa: N815 - Rokt's spelling
    sessionId: Text  # noqa: N815 - Rokt's spelling
    parentGuid: Text  # noqa: N815 - Rokt's spelling
    clientUniqueId: Text  # noqa: N815 - Rokt's spelling
    metadata: list[Pair] | UnsetType = UNSET


class _Error(Struct, frozen=True):
    code: str
    message: str = ""


class _Unprocessed(Struct, frozen=True):
    event: Any = None
    errors: list[_Error] | None = None


class _Success(Struct, frozen=True):
    processedEventsCount: int  # noqa: N815 - Rokt's spelling
    unprocessedEvents: list[_Unprocessed] | None = None  # noqa: N815 - Rokt's spelling
    success: bool | None = None


class _Refusal(Struct, frozen=True):
    errors: list[_Error]


def envelope_bytes(_account: str, _order: str, _kind: str) -> int:
    """Bytes of a request around its events."""
    return len(b'{"events":[]}')


def prepare(account: str, event: Any, event_id: str | None, now: int) -> Prepared:
    """One event, checked against "PartnerEvent" and "note"; the time is made here if the caller gave none.

    `metadata` may be spelled `name`/`value` or, as the document's table has it, `Name`/`Value`. Raises `InvalidEvent`.
    """
    try:
        checked, event_time = _checked(event, now)
        payload = _ENCODER.encode(checked)
        given_id = made_or_given(event_id)
        sound = is_account(account) or not list(account_faults(account))
    except (ValueError, TypeError, RecursionError):
        sound = False
    if not sound:
        raise InvalidEvent(all_faults(_faults(account, _completed(event, now), event_id, now), "event"))
    said = without_time(payload)
    return Prepared(given_id, event_time, payload, checked.sessionId, "", given_id, checked.eventType, said)


def _checked(event: Any, now: int) -> tuple[Any, int]:
    """The event with a time, and that time in milliseconds. Raises ValueError or TypeError if it is not sound."""
    if type(event) is not dict:
        event = _completed(event, now)
    try:  # nearly always it can be read as it is, without a copy
        checked: Any = msgspec.convert(event, Event)
    except msgspec.ValidationError:
        event = _completed(event, now)
        checked = msgspec.convert(event, Event)
    if "eventTime" not in event:
        checked.eventTime = rfc3339(now)
        return checked, now
    event_time = parse_rfc3339_utc(checked.eventTime)
    if SERVER_EVENTS.window.fault(event_time, now) is not None:
        raise ValueError("its time")
    return checked, event_time


def _completed(event: object, now: int) -> object:
    if not isinstance(event, Mapping):
        return event
    whole = dict(event) if "eventTime" in event else {**event, "eventTime": rfc3339(now)}
    pairs = whole.get("metadata")
    if isinstance(pairs, list) and any(
        isinstance(pair, dict) and ("Name" in pair or "Value" in pair) for pair in pairs
    ):
        whole = {**whole, "metadata": [_respelled(pair) for pair in pairs]}
    return whole


def _respelled(pair: object) -> object:
    if not isinstance(pair, dict):
        return pair
    return {_SPELLINGS.get(name, name): value for name, value in pair.items()}


def _faults(account: object, event: object, event_id: object, now: int) -> Iterator[Fault]:
    yield from account_faults(account)
    yield from faults_of(event, Event, "event")
    yield from encoding_faults(event, "event")
    text = event.get("eventTime") if isinstance(event, dict) else None
    if isinstance(text, str):
        yield from SERVER_EVENTS.window.faults(text, now, "event.eventTime")
    try:
        made_or_given(event_id)
    except ValueError as error:
        yield Fault("id", str(error))


def missing(credentials: AccountCredentials) -> list[str]:
    """`rokt-tag-id`, `rokt-pub-id` and `rokt-secret`."""
    return lacking(credentials, "tag_id", "client_id", "client_secret")


def request(host: str, _of: Whole, payloads: Sequence[bytes], credentials: AccountCredentials) -> Request:
    """The document's "Request": its headers, and the events of one session."""
    body = b"".join((b'{"events":[', b",".join(payloads), b"]}"))
    return Request(host + "/v1/partner/events", _headers(credentials), body)


@lru_cache(maxsize=HEADERS_KEPT)
def _headers(credentials: AccountCredentials) -> Mapping[str, str]:
    return MappingProxyType(
        {
            "content-type": "application/json",
            "accept": "application/json",
            "rokt-tag-id": credentials.tag_id,
            "rokt-pub-id": credentials.client_id,
            "rokt-secret": credentials.client_secret,
        }
    )


def outcome(answer: Answer, payloads: Sequence[bytes]) -> Outcome:
    """The document's "Response": 200, 207, 4XX; 5xx come without a body."""
    if answer.status in (200, 207):
        return _taken(answer, payloads)
    if answer.status == 413:
        return Rejected((Reason("PayloadTooLarge", "HTTP status 413"),))
    if answer.status in (400, 422):
        return _refused(answer)
    return not_taken(answer)


def _refused(answer: Answer) -> Outcome:
    try:
        errors = msgspec.json.decode(answer.body, type=_Refusal).errors
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        return unreadable(answer, str(error))
    if not errors:
        return unreadable(answer, "no error in it")
    return Rejected(tuple(told(error.code, error.message) for error in errors))


def _taken(answer: Answer, payloads: Sequence[bytes]) -> Outcome:
    """Delivered only where the counts add up: what is named by nobody counts for nothing else."""
    try:
        body = msgspec.json.decode(answer.body.decode(), type=_Success)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        return unreadable(answer, str(error))
    records = body.unprocessedEvents or []
    adds_up = 0 <= body.processedEventsCount == len(payloads) - len(records) and (
        bool(records) or body.success is not False
    )
    if not adds_up and len(payloads) == 1 and not records:
        return unreadable(answer, "it counts neither a processed nor an unprocessed event")
    if adds_up and not records:
        return ALL_TAKEN
    echoes = [Echo(record.event, _reasons(record)) for record in records]
    return matched(echoes, payloads, adds_up=adds_up, retried=SERVER_SIDE_CODES)


def _reasons(record: _Unprocessed) -> tuple[Reason, ...]:
    given = tuple(told(error.code, error.message) for error in record.errors or [])
    return given or (Reason("NoCode", "Rokt did not process the event and gave no reason"),)


SERVER_EVENTS = Destination(
    name="server-events",
    max_events=25,
    max_bytes=1_000_000,
    window=Window(days=3),
    envelope_bytes=envelope_bytes,
    prepare=prepare,
    hosts={"production": "https://server-api.rokt.com", "testing": "https://server-api-demo.rokt.com"},
    missing=missing,
    request=request,
    outcome=outcome,
    event_types=get_args(Type),
)
