"""OAuth 2.0 client credentials, `POST /auth/oauth2/token`: Event API, Legacy Authentication; errors: RFC 6749, 5.2.

The account of its requests is the app id.
"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import parse_qsl

from .api import Answer, Call, Counted, Json, Reading, Record, Refused
from .credentials import Credentials, Pair, basic_pair
from .json_body import dump
from .media_types import is_form
from .oauth import Tokens

_CODES = {400: "invalid_request", 401: "invalid_client", 429: "temporarily_unavailable", 503: "temporarily_unavailable"}
_NOT_KEPT = {"Cache-Control": "no-store", "Pragma": "no-cache"}
_MAX_FIELDS = 50


def error(status: int, code: str | None = None, message: str | None = None) -> Answer:
    """`{"error", "error_description"}`; a 401 names the scheme that is wanted."""
    usual = _CODES.get(status, "server_error" if status >= 500 else "invalid_request")
    body: Record = {"error": code or usual, "error_description": message or "the request was refused"}
    challenge = {"WWW-Authenticate": 'Basic realm="oauth2"'} if status == 401 else {}
    return Answer(status, dump(body), headers=_NOT_KEPT | challenge)


class OauthApi:
    """See `api.Api`. Checks run in this order: credentials, headers, the form."""

    name = "oauth"
    path = "/auth/oauth2/token"
    method = "POST"

    def __init__(self, credentials: Credentials, tokens: Tokens) -> None:
        self._credentials = credentials
        self._tokens = tokens

    def read(self, call: Call) -> Reading:
        app = basic_pair(call.headers.get("authorization", ""))
        account = app[0] if app is not None else None
        if app is None or not self._credentials.knows_app(app):
            return Reading(account, (), refusal=error(401, message="Authorization: must be Basic, of a known app"))
        refusal = _refuse_form(call)
        return Reading(account, (), refusal=refusal) if refusal is not None else self._grant(call, app)

    def accepted(self, reading: Reading, refused: Sequence[Refused], miscount: int) -> Answer:  # noqa: ARG002 - no records
        return reading.success

    def failed(self, status: int, code: str | None = None, message: str | None = None) -> Answer:
        return error(status, code, message)

    def records(self, body: bytes) -> Sequence[Json]:  # noqa: ARG002 - there are none
        return ()

    def _grant(self, call: Call, app: Pair) -> Reading:
        token, ends = self._tokens.new(), self._tokens.end_of(call.now)
        body: Record = {"access_token": token, "expires_in": self._tokens.expires_in, "token_type": "Bearer"}

        def give() -> Counted:
            self._tokens.give(token, app, ends)
            return Counted()

        return Reading(app[0], (), success=Answer(200, dump(body), headers=_NOT_KEPT), effect=give)


def _refuse_form(call: Call) -> Answer | None:
    if not is_form(call.headers.get("content-type", "")):
        return error(400, message="Content-Type: must be application/x-www-form-urlencoded")
    try:
        text = call.body.decode("ascii")
        fields = parse_qsl(text, keep_blank_values=True, strict_parsing=bool(text), max_num_fields=_MAX_FIELDS)
    except ValueError:
        return error(400, message="the body must be a form")
    named = dict(fields)
    if len(named) < len(fields):
        return error(400, message="a field is given twice")
    if "client_id" in named or "client_secret" in named:  # RFC 6749, 2.3: only one method in each request
        return error(400, message="the app must be named in Authorization alone")
    if not named.get("grant_type"):
        return error(400, message="grant_type: is required")
    if named["grant_type"] != "client_credentials":
        return error(400, "unsupported_grant_type", "grant_type: must be client_credentials")
    return None
