"""`audience`: addresses that join or leave a list. Source: custom-audience-import-api.txt.

Requests of one list leave in the order they came; one holds a single action, and plain or hashed addresses only.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from producers.clock import FOREVER
from producers.destinations.accounts import AccountCredentials, lacking
from producers.destinations.answers import Answer, Request
from producers.destinations.contract import Destination, Prepared, Rate, Whole, decoded
from producers.destinations.ids import made_or_given
from producers.destinations.outcomes import ALL_TAKEN, Outcome, Reason, Rejected, not_taken
from producers.errors import Fault, InvalidEvent
from producers.normalisation import normalised_email, normalised_sha256
from producers.validation import account_faults, all_faults, encoding_faults, faults_of, is_account

DEFAULT_LIST = "AdvertiserDatabase"  # what an absent list means
_PLAIN, _HASHED = "plain", "hashed"
_ENCODER = msgspec.json.Encoder()
_KEYS = {(_PLAIN, True): b"email", (_PLAIN, False): b"emails", (_HASHED, True): b"sha256", (_HASHED, False): b"sha256s"}


class Event(Struct, frozen=True, forbid_unknown_fields=True, gc=False):  # it holds texts alone: no cycles
    """One address. Exactly one of `email` and `sha256`."""

    action: Literal["include", "exclude"]
    email: str | UnsetType = UNSET
    sha256: str | UnsetType = UNSET
    list: Annotated[str, Meta(min_length=1, max_length=256)] | UnsetType = UNSET


def envelope_bytes(account: str, order: str, kind: str) -> int:
    """Bytes of a request around its addresses, for the longer of the two ways to ask."""
    return len(_body(Whole(account, order, kind), [], with_account=True))


def prepare(account: str, event: object, event_id: str | None, now: int) -> Prepared:
    """One address, trimmed and lowercased; a SHA-256 is never hashed again. Raises `InvalidEvent`."""
    try:
        checked = msgspec.convert(event, Event)
        address, form = _address(checked)
        given_id = made_or_given(event_id)
        order = DEFAULT_LIST if checked.list is UNSET else str(checked.list)
        payload = _ENCODER.encode(address)
        order.encode()
        sound = is_account(account) or not list(account_faults(account))
    except (ValueError, TypeError, RecursionError):
        sound = False
    if not sound:
        raise InvalidEvent(all_faults(_faults(account, event, event_id), "event"))
    return Prepared(given_id, now, payload, order, f"{checked.action} {form}", given_id, checked.action)


def _address(event: Event) -> tuple[str, str]:
    """The address and its form. Raises ValueError unless there is exactly one, and a sound one."""
    if isinstance(event.email, str) == isinstance(event.sha256, str):
        raise ValueError("must hold exactly one of email and sha256")
    if isinstance(event.email, str):
        return normalised_email(event.email), _PLAIN
    return normalised_sha256(str(event.sha256)), _HASHED


def _faults(account: object, event: object, event_id: object) -> Iterator[Fault]:
    yield from account_faults(account)
    yield from faults_of(event, Event, "event")
    yield from encoding_faults(event, "event")
    if isinstance(event, Mapping):
        yield from _address_faults(event)
    try:
        made_or_given(event_id)
    except ValueError as error:
        yield Fault("id", str(error))


def _address_faults(event: Mapping[str, Any]) -> Iterator[Fault]:
    if ("email" in event) == ("sha256" in event):
        yield Fault("event", "must hold exactly one of email and sha256")
    for name, normalised in (("email", normalised_email), ("sha256", normalised_sha256)):
        if isinstance(event.get(name), str):
            try:
                normalised(event[name])
            except ValueError as error:
                yield Fault(f"event.{name}", str(error))


def missing(credentials: AccountCredentials) -> list[str]:
    """A key pair, or the legacy API key."""
    return [] if credentials.audience_api_key else lacking(credentials, "public_key", "secret_key")


def request(host: str, of: Whole, payloads: Sequence[bytes], credentials: AccountCredentials) -> Request:
    """ "Request Body" of v3 with a key pair, else of the legacy API, which knows the account from its key."""
    legacy = bool(lacking(credentials, "public_key", "secret_key"))
    pair = f"{credentials.public_key}:{credentials.secret_key}".encode()
    authorization = credentials.audience_api_key if legacy else "Basic " + b64encode(pair).decode()
    headers = {"Content-Type": "application/json", "Authorization": authorization}
    path = "/api/1.0/import/suppression" if legacy else "/v3/import/suppression"
    return Request(host + path, headers, _body(of, payloads, with_account=not legacy))


def _body(of: Whole, payloads: Sequence[bytes], *, with_account: bool) -> bytes:
    action, _, form = of.kind.partition(" ")
    account = b'"accountId":%s,' % _ENCODER.encode(of.account) if with_account else b""
    named = b'"list":%s,' % _ENCODER.encode(of.order) if of.order != DEFAULT_LIST else b""
    key = _KEYS[form, len(payloads) == 1]
    addresses = payloads[0] if len(payloads) == 1 else b"".join((b"[", b",".join(payloads), b"]"))
    head = b'{%s%s"action":%s,"%s":' % (account, named, _ENCODER.encode(action), key)
    return b"".join((head, addresses, b"}"))


def outcome(answer: Answer, _payloads: Sequence[bytes]) -> Outcome:
    """ "Response handling": 201, 400. The body of a refusal is not documented, so the status alone counts."""
    if answer.status == 201:
        return ALL_TAKEN
    if answer.status in (400, 413, 422):
        return Rejected((_reason(answer),))
    return not_taken(answer)


def _reason(answer: Answer) -> Reason:
    code = {400: "BadRequest", 413: "PayloadTooLarge"}.get(answer.status, "UnprocessableEntity")
    return Reason(code, answer.body[:500].decode("utf-8", "replace").strip() or f"HTTP status {answer.status}")


def event_of(payload: bytes, of: Whole) -> dict[str, str]:
    """The event as `enqueue` takes it."""
    action, _, form = of.kind.partition(" ")
    named = {} if of.order == DEFAULT_LIST else {"list": of.order}
    return {"email" if form == _PLAIN else "sha256": decoded(payload, of), "action": action, **named}


AUDIENCE = Destination(
    name="audience",
    max_events=100_000,
    max_bytes=8_000_000,
    window=FOREVER,
    envelope_bytes=envelope_bytes,
    prepare=prepare,
    hosts={"production": "https://data.rokt.com"},
    missing=missing,
    request=request,
    outcome=outcome,
    event_of=event_of,
    event_types=("include", "exclude"),
    rate=Rate(requests_a_second=4, requests_at_a_time=4),
)
