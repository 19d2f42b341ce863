"""Custom Audience Import API, `POST /v3/import/suppression` and the legacy `POST /api/1.0/import/suppression`.

Bodies are the bare words of the document ("Created", "Bad Request"). Why a request was refused stands in the header
`X-Sandbox-Reason`, and in the `details` of the request among the questions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from http import HTTPStatus
from typing import Protocol

from .api import Answer, Call, Counted, Json, Reading, Refused
from .audience_lists import AudienceLists
from .audience_validation import Addresses, Import, details_of, read_import
from .credentials import Credentials
from .event_validation import account_fault
from .json_body import NotJson, parse
from .media_types import is_json

_TEXT = "text/plain; charset=utf-8"
_CREATED = Answer(201, b"Created", _TEXT)


class Sender(Protocol):
    """How the sender and its account are told, in one edition of the API."""

    def account(self, call: Call, data: Json) -> str | None:
        """The account, as far as it can be read."""

    def refusal(self, call: Call, data: Json) -> Answer | None:
        """401 or 403; or 400 when the account is missing."""


class AudienceApi:
    """See `api.Api`. Checks run in this order: credentials, headers, JSON, account, its owner, the contents.

    An address has no place in the recorder, as there may be a million of them: the lists themselves are asked.
    """

    name = "audience"
    method = "POST"

    def __init__(self, path: str, sender: Sender, lists: AudienceLists) -> None:
        self.path = path
        self._sender = sender
        self._lists = lists

    def read(self, call: Call) -> Reading:
        try:
            data = parse(call.body)
        except NotJson as fault:
            refusal = self._sender_fault(call, None) or _refused(str(fault))
            return _told(Reading(self._sender.account(call, None), (), refusal=refusal))
        account = self._sender.account(call, data)
        if not isinstance(data, dict):
            refusal = self._sender_fault(call, data) or _refused("the request body must be an object")
            return _told(Reading(account, (), refusal=refusal))
        details = details_of(data)
        name = details["list"]
        reading = Reading(account, Addresses(data), group=name if isinstance(name, str) else None, details=details)
        found = self._sender_fault(call, data) or read_import(data)
        if isinstance(found, Import):
            return replace(reading, success=_CREATED, effect=lambda: self._apply(account or "", found))
        return _told(replace(reading, refusal=found if isinstance(found, Answer) else _refused(found)))

    def accepted(self, reading: Reading, refused: Sequence[Refused], miscount: int) -> Answer:  # noqa: ARG002 - all or nothing
        return reading.success

    def failed(self, status: int, code: str | None = None, message: str | None = None) -> Answer:
        """The document has no codes; a rule's code and message replace the bare word."""
        text = ": ".join(part for part in (code, message) if part)
        return Answer(status, (text or _phrase(status)).encode(), _TEXT)

    def records(self, body: bytes) -> Sequence[Json]:
        data = parse(body)
        return Addresses(data) if isinstance(data, dict) else ()

    def _sender_fault(self, call: Call, data: Json) -> Answer | None:
        refusal = self._sender.refusal(call, data)
        if refusal is not None and refusal.status == 401:
            return refusal
        if "content-encoding" in call.headers:  # the document knows no compression
            return _refused("Content-Encoding: is not supported")
        if not is_json(call.headers.get("content-type", "")):
            return _refused("Content-Type: must be application/json")
        return refusal if isinstance(data, dict) else None

    def _apply(self, account: str, wanted: Import) -> Counted:
        return self._lists.apply(account, wanted.list_name, wanted.action, wanted.addresses)


class PairSender:
    """v3: a key pair, and `accountId` in the body."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials

    def account(self, call: Call, data: Json) -> str | None:  # noqa: ARG002 - the body tells it
        account = data.get("accountId") if isinstance(data, dict) else None
        return account if isinstance(account, str) else None

    def refusal(self, call: Call, data: Json) -> Answer | None:
        authorization = call.headers.get("authorization")
        if not self._credentials.known(authorization):
            return _refused("no such key pair", 401)
        if fault := account_fault(data if isinstance(data, dict) else {}):
            return _refused(fault)
        if not self._credentials.may_send_for(authorization, self.account(call, data) or ""):
            return _refused("this key pair is another account's", 403)
        return None


class ApiKeySender:
    """Legacy: an API key of the account alone; the body names none."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials

    def account(self, call: Call, data: Json) -> str | None:  # noqa: ARG002 - the header tells it
        return self._credentials.account_of_key(call.headers.get("authorization", ""))

    def refusal(self, call: Call, data: Json) -> Answer | None:
        return _refused("no such API key", 401) if self.account(call, data) is None else None


def _refused(reason: str, status: int = 400) -> Answer:
    return Answer(status, _phrase(status).encode(), _TEXT, {"X-Sandbox-Reason": reason})


def _told(reading: Reading) -> Reading:
    """A refused reading whose details have the reason."""
    reasons: Mapping[str, str] = reading.refusal.headers if reading.refusal else {}
    return replace(reading, details={**reading.details, "refused": reasons.get("X-Sandbox-Reason")})


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return f"Status {status}"
