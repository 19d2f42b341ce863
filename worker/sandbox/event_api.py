"""Event API, `POST /v2/events` and `POST /v1/events`: who may send, which headers, what an answer looks like."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from . import event_validation as validation
from .api import Answer, Call, Counted, Json, Reading, Record, Refused
from .idempotency import IdempotencyKeys, is_key
from .json_body import NotJson, dump, parse
from .media_types import is_json
from .senders import Senders
from .times import Window

VERSION = "2020-05-21"

# Event API, Responses. The document has no codes for the statuses of the second part.
_CODES = {
    400: "RequestValidationError",
    401: "UnauthorizedError",
    403: "Forbidden",
    500: "InternalServerError",
    502: "ServiceUnavailableError",
    503: "ServiceUnavailableError",
    409: "DuplicateRequestError",
    413: "RequestEntityTooLarge",
    422: "UnprocessableEntity",
    429: "TooManyRequests",
}
_MESSAGES = {
    400: "the contents of the request body failed our validation checks",
    401: "unauthorized or invalid authentication token",
    403: "the provided access token is not authorized on your account",
    409: "the Idempotency-Key has been seen before",
    413: "the request body is too large",
    429: "too many requests",
}
_ALL_PROCESSED = Answer(200, dump({"data": {"unprocessedRecords": []}}))


def error(status: int, code: str | None = None, message: str | None = None) -> Answer:
    """An error as the document's sample has it: `{"data": {"code", "message"}}`."""
    data: Record = {
        "code": code or _CODES.get(status, f"Status{status}"),
        "message": message or _MESSAGES.get(status, "unexpected error"),
    }
    return Answer(status, dump({"data": data}))


class EventApi:
    """See `api.Api`. Checks run in this order: credentials, headers, JSON, account id, its owner, its key, the events.

    The editions differ in nothing but their path and how a sender says who it is.
    """

    name = "event-api"
    method = "POST"

    def __init__(self, path: str, senders: Senders, keys: IdempotencyKeys) -> None:
        self.path = path
        self._senders = senders
        self._keys = keys

    def read(self, call: Call) -> Reading:
        try:
            data = parse(call.body)
        except NotJson as fault:
            refusal = self._refuse_sender(call) or error(400, "RequestJsonUnmarshalError", str(fault))
            return Reading(None, (), refusal=refusal)
        account, records = _facts(data)
        refused = self._refuse_sender(call) or self._refuse_contents(call, data)
        if refused is not None:
            return Reading(account, records, refusal=refused)
        ids = [_client_event_id(record) for record in records]
        return Reading(account, records, ids, effect=lambda: self._remember(call, account or ""))

    def accepted(self, reading: Reading, refused: Sequence[Refused], miscount: int) -> Answer:  # noqa: ARG002 - no counts
        """200, with the records that were not processed (the document's "200 error scenario")."""
        if not refused:
            return _ALL_PROCESSED
        return Answer(200, dump({"data": {"unprocessedRecords": [_unprocessed(item) for item in refused]}}))

    def failed(self, status: int, code: str | None = None, message: str | None = None) -> Answer:
        return error(status, code, message)

    def records(self, body: bytes) -> Sequence[Json]:
        return _facts(parse(body))[1]

    def _remember(self, call: Call, account: str) -> Counted:
        if key := _key(call):
            self._keys.add(account, key, call.now)
        return Counted()

    def _refuse_sender(self, call: Call) -> Answer | None:
        if not self._senders.known(call):
            return error(401)
        if "content-encoding" in call.headers:  # the document knows no compression
            return error(400, "RequestBodyReadError", "Content-Encoding is not supported")
        fault = header_fault(call.headers)
        return error(400, message=fault) if fault else None

    def _refuse_contents(self, call: Call, data: Json) -> Answer | None:
        if not isinstance(data, dict):
            return error(400, "RequestJsonUnmarshalError", "the request body must be an object")
        if fault := validation.account_fault(data):
            return error(400, message=fault)
        account = str(data["accountId"])
        if not self._senders.may_send_for(call, account):
            return error(403)
        if (key := _key(call)) and self._keys.seen(account, key, call.now):
            return error(409)
        fault = validation.events_fault(data, Window.at(call.now))
        return error(400, message=fault) if fault else None


def header_fault(headers: Mapping[str, str]) -> str | None:
    """Event API, POST Events, Header. `Rokt-Version` may be left out or empty, "which applies the latest version"."""
    if not is_json(headers.get("content-type", "")):
        return "Content-Type: must be application/json"
    if headers.get("charset", "").lower() != "utf-8":
        return "Charset: must be utf-8"
    if headers.get("rokt-version", "") not in ("", VERSION):
        return f"Rokt-Version: must be {VERSION}"
    if "idempotency-key" in headers and not is_key(headers["idempotency-key"]):
        return "Idempotency-Key: must be a UUID of version 4"
    return None


def _key(call: Call) -> str | None:
    return call.headers.get("idempotency-key")


def _facts(data: Json) -> tuple[str | None, Sequence[Json]]:
    """The account and the events, as far as they can be read."""
    if not isinstance(data, dict):
        return None, ()
    account, events = data.get("accountId"), data.get("events")
    return account if isinstance(account, str) else None, events if isinstance(events, list) else ()


def _client_event_id(record: Json) -> str:
    return str(record["clientEventId"]) if isinstance(record, dict) else ""


def _unprocessed(refused: Refused) -> Record:
    echo = _rewritten(refused.record, refused.rewrite) if isinstance(refused.record, dict) else refused.record
    return {"error": refused.errors[0]._asdict(), "record": echo}


def _rewritten(record: Record, rewrite: bool | Record) -> Record:
    """True rewrites as the document's sample does: another `eventType`, no `metaData`, fewer `objectData`."""
    if isinstance(rewrite, dict):
        return record | rewrite
    if not rewrite:
        return record
    entries = record.get("objectData")
    kept = {key: value for key, value in record.items() if key != "metaData"}
    return kept | {"eventType": "conversion", "objectData": entries[:1] if isinstance(entries, list) else []}
