"""`event-api`, delivery side: `POST /v2/events`. Source: event-api.txt, "POST Events" and "Responses"."""

from __future__ import annotations

from base64 import b64encode
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from producers.destinations.event_api import EVENT_API as ACCEPTS
from producers.stored_event import StoredEvent
from worker.answers import Answer, Request
from worker.credentials import AccountCredentials
from worker.destinations.contract import Api
from worker.outcomes import SERVER_SIDE_CODES, Delivered, Outcome, Reason, Rejected, retry_of, unreadable

ROKT_VERSION = "2020-05-21"
RETRIED_CODES = SERVER_SIDE_CODES | {"RequestBodyReadError"}


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


def missing(credentials: AccountCredentials) -> list[str]:
    """Which fields an account needs for this API and lacks."""
    return [name for name in ("public_key", "secret_key") if not getattr(credentials, name)]


def request(host: str, account: str, payloads: Sequence[bytes], credentials: AccountCredentials) -> Request:
    """The document's "Header" and "Parameters": Basic authentication, and the events as they were stored."""
    pair = f"{credentials.public_key}:{credentials.secret_key}".encode()
    headers = {
        "Content-Type": "application/json",
        "Charset": "utf-8",
        "Rokt-Version": ROKT_VERSION,
        "Authorization": "Basic " + b64encode(pair).decode(),
        "Accept": "application/json",
    }
    body = b'{"accountId":%s,"events":[%s]}' % (msgspec.json.encode(account), b",".join(payloads))
    return Request(host + "/v2/events", headers, body)


def outcome(answer: Answer, payloads: Sequence[bytes]) -> Outcome:
    """The document's "Responses" and "200 error scenario"."""
    if answer.status == 200:
        return _taken(answer, payloads)
    if answer.status == 413:
        return Rejected((Reason("PayloadTooLarge", "HTTP status 413"),))
    if answer.status in (400, 422):
        return _refused(answer)
    return retry_of(answer, _reason_in(answer))


def _refused(answer: Answer) -> Outcome:
    reason = _reason_in(answer)
    if reason is None:
        return unreadable(answer, "no error code in it")
    return retry_of(answer, reason) if reason.code in RETRIED_CODES else Rejected((reason,))


def _reason_in(answer: Answer) -> Reason | None:
    try:
        error = msgspec.json.decode(answer.body, type=_Refusal).data
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return Reason(error.code, error.message) if error.code != "NoCode" else None


def _taken(answer: Answer, payloads: Sequence[bytes]) -> Outcome:
    try:
        records = msgspec.json.decode(answer.body, type=_Success).data.unprocessedRecords or []
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        return unreadable(answer, str(error))
    return _matched(records, payloads) if records else Delivered()


def _matched(records: Sequence[_Unprocessed], payloads: Sequence[bytes]) -> Delivered:
    """Finds the events that the records name, by `clientEventId`."""
    reasons: dict[int, list[Reason]] = defaultdict(list)
    unclear: set[int] = set()
    places = _places_by_id(payloads)
    for record in records:
        named = _named(record, places, payloads)
        free = [place for place in named if place not in reasons] or named
        if free and len({payloads[place] for place in named}) == 1:
            reasons[free[0]].append(Reason(record.error.code, record.error.message))
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
        places[msgspec.json.decode(payload)["clientEventId"]].append(place)
    return places


def event_of(stored: StoredEvent) -> Any:
    """The event as the document spells it."""
    return msgspec.json.decode(stored.payload)


def event_id(stored: StoredEvent) -> str:
    """`clientEventId`."""
    return str(event_of(stored)["clientEventId"])


EVENT_API = Api(
    accepts=ACCEPTS,
    hosts={"production": "https://api.rokt.com"},
    missing=missing,
    request=request,
    outcome=outcome,
    event_id=event_id,
    event_of=event_of,
)
