"""Server Events API, `POST /v1/partner/events`: who may send, which headers, what an answer looks like.

The account is the tag id. Events have no id of their own, so the sandbox makes one: see `event_ids`.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence

from . import server_events_validation as validation
from .api import Answer, Call, Error, Json, Reading, Record, Refused
from .credentials import Credentials
from .json_body import NotJson, dump, parse
from .media_types import accepts_json, is_json
from .times import server_events_window

# Codes and titles: Server Events API, Request Error Response; those of 400 and 422 are the document's.
_ERRORS = {
    400: ("BadRequest", "InvalidRequestPayload", "Request body format is not valid"),
    401: ("Unauthorized", "Unauthorized", "rokt-pub-id, rokt-secret or rokt-tag-id is missing or wrong"),
    403: ("Forbidden", "Forbidden", "The credentials may not be used for this tag"),
    413: ("PayloadTooLarge", "PayloadTooLarge", "The request body is too large"),
    422: ("Validation failed", "ValidationFailed", "The request is not valid"),
    429: ("TooManyRequests", "TooManyRequests", "Too many requests"),
}


def error(status: int, code: str | None = None, message: str | None = None) -> Answer:
    """An error as the document's samples have it; from 500 on "a request without a body"."""
    if status >= 500:
        return Answer(status, b"", content_type="")
    title, usual_code, usual_message = _ERRORS.get(status, (f"Status{status}", f"Status{status}", "Unexpected error"))
    told: Record = {"code": code or usual_code, "message": message or usual_message}
    return Answer(status, dump({"title": title, "status": status, "success": False, "errors": [told]}))


class ServerEventsApi:
    """See `api.Api`. Checks run in this order: credentials, headers, JSON, number of events, session, single events."""

    name = "server-events"
    path = "/v1/partner/events"
    method = "POST"

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials

    def read(self, call: Call) -> Reading:
        tag_id = call.headers.get("rokt-tag-id")
        try:
            data = parse(call.body)
        except NotJson:
            return Reading(tag_id, (), refusal=self._refuse_sender(call) or error(400))
        records = _events(data)
        group = validation.session_of(records)
        refused = self._refuse_sender(call) or _refuse_contents(data)
        if refused is not None:
            return Reading(tag_id, records, refusal=refused, group=group)
        window = server_events_window(call.now)
        faults = {index: validation.event_errors(event, window) for index, event in enumerate(records)}
        unprocessed = {index: _refused(records[index], errors) for index, errors in faults.items() if errors}
        return Reading(tag_id, records, event_ids(records), unprocessed=unprocessed, group=group)

    def accepted(self, reading: Reading, refused: Sequence[Refused], miscount: int) -> Answer:
        """200, or 207 with the events that were not processed, also if it was none."""
        body: Record = {
            "processedEventsCount": len(reading.records) - len(refused) + miscount,
            "unprocessedEvents": [_unprocessed(item) for item in refused],
            "success": not refused,
        }
        return Answer(207 if refused else 200, dump(body))

    def failed(self, status: int, code: str | None = None, message: str | None = None) -> Answer:
        return error(status, code, message)

    def records(self, body: bytes) -> Sequence[Json]:
        return _events(parse(body))

    def _refuse_sender(self, call: Call) -> Answer | None:
        headers = call.headers
        tag = (headers.get("rokt-tag-id", ""), headers.get("rokt-pub-id", ""), headers.get("rokt-secret", ""))
        if not self._credentials.knows_tag(tag):
            return error(401)
        fault = _header_fault(headers)
        return error(400, "InvalidHeader", fault) if fault else None


def event_ids(events: Sequence[Json]) -> list[str]:
    """The first 32 digits of the SHA-256 of each event as JSON with sorted keys, no spaces and ASCII only.

    The second of equal events in one request has `-2` added, and so on. An event that is sent again in another request
    has the same id, unless a byte of its contents changed on the way (a time made when sending, for instance).
    """
    seen: Counter[str] = Counter()
    ids = []
    for event in events:
        digest = hashlib.sha256(dump(event, sort_keys=True)).hexdigest()[:32]
        seen[digest] += 1
        ids.append(digest if seen[digest] == 1 else f"{digest}-{seen[digest]}")
    return ids


def _header_fault(headers: Mapping[str, str]) -> str | None:
    """Server Events API, Required Headers."""
    if not is_json(headers.get("content-type", "")):
        return "content-type: must be application/json"
    if not accepts_json(headers.get("accept", "")):
        return "accept: must be application/json"
    if "content-encoding" in headers:  # the document knows no compression
        return "content-encoding: is not supported"
    return None


def _refuse_contents(data: Json) -> Answer | None:
    if not isinstance(data, dict) or not isinstance(data.get("events"), list | None):
        return error(400)
    events = data.get("events")
    if not isinstance(events, list) or not events:
        return error(422, "NoEventsProvided", "Events cannot be null or empty")
    if len(events) > validation.MAX_EVENTS:
        text = f"The number of events provided exceeds the limit {validation.MAX_EVENTS}"
        return error(422, "TooManyEvents", text)
    if fault := validation.type_fault(events):
        return error(400, message=f"Request body format is not valid: {fault}")
    if validation.has_several_sessions(events):
        return error(422, "SessionIdsDiffer", "All events of a request must share the same sessionId")
    return None


def _events(data: Json) -> Sequence[Json]:
    events = data.get("events") if isinstance(data, dict) else None
    return events if isinstance(events, list) else ()


def _refused(event: Json, errors: Sequence[Error]) -> Refused:
    return Refused(validation.echo(event), errors)


def _unprocessed(refused: Refused) -> Record:
    errors: list[Json] = [{"code": error.code, "message": error.message} for error in refused.errors]
    return {"errors": errors, "event": _echoed(refused.record, refused.rewrite)}


def _echoed(event: Json, rewrite: bool | Record) -> Json:
    if not isinstance(event, dict) or rewrite is False:
        return event
    return validation.echo_of_the_sample(event) if rewrite is True else event | rewrite
