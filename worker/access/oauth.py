"""OAuth 2.0 client credentials: what the token request is and what its answer means. Pure.

Source: event-api.txt, "Legacy Authentication (v1)"; query-api.txt, "Generating an Access Token"; RFC 6749, 4.4 and 5.
"""

from __future__ import annotations

import base64
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from producers.destinations.answers import Answer, Request
from producers.errors import ConfigurationError, ForwarderError

PATH = "/auth/oauth2/token"
UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)  # what a stranger's JSON may do to its reader
_HEADER_SAFE = r"^[!-~]{1,16384}$"
_ERROR_CODES = frozenset(
    {"invalid_request", "invalid_client", "invalid_grant", "unauthorized_client", "unsupported_grant_type"}
)


class TokenFailed(ForwarderError):
    """No token came. `status`: the answer's. The message never holds a secret, nor anything a stranger wrote."""

    def __init__(self, status: int, message: str) -> None:
        self.status = status
        super().__init__(message)

    @property
    def refused(self) -> bool:
        """Whether the credentials themselves were refused: asking again with the same ones is of no use."""
        return self.status in (400, 401, 403)


class Token(Struct, frozen=True):
    """A bearer token. `expires_in`: seconds from when it was asked for. Its text form does not show it."""

    access_token: Annotated[str, Meta(pattern=_HEADER_SAFE)]
    expires_in: Annotated[float, Meta(gt=0)] = 3600
    token_type: str = "Bearer"  # noqa: S105 - the name of a kind

    def __repr__(self) -> str:
        return f"Token(access_token=…, expires_in={self.expires_in:g})"


def token_request(auth_host: str, app_id: str, app_secret: str) -> Request:
    """Asks for a token. `auth_host`: scheme and host. Raises `ConfigurationError` if the id cannot be sent."""
    if ":" in app_id:
        raise ConfigurationError("app_id: must not hold a colon, which ends it in Basic authentication")
    pair = base64.b64encode(f"{app_id}:{app_secret}".encode()).decode()
    headers = {
        "Authorization": f"Basic {pair}",
        "Content-Type": "application/x-www-form-urlencoded",
        "Accept": "application/json",
    }
    return Request(f"{auth_host}{PATH}", headers, b"grant_type=client_credentials")


def read_token(answer: Answer) -> Token:
    """The token of an answer. Raises `TokenFailed` that names the status."""
    if answer.status != 200:
        raise TokenFailed(answer.status, _refusal(answer))
    try:
        token = msgspec.json.decode(answer.body, type=Token, strict=False)
    except UNREADABLE:
        raise TokenFailed(200, "the token endpoint answered 200, but not with a token") from None
    if token.token_type.lower() != "bearer":
        raise TokenFailed(200, "the token endpoint answered 200 with a token that is not a bearer token")
    return token


def _refusal(answer: Answer) -> str:
    code = _error_code(answer.body)
    told = f"{answer.status} {code}" if code else str(answer.status)
    if answer.status in (400, 401, 403):
        return f"the app id and app secret were refused: the token endpoint answered {told}"
    return f"the token endpoint answered {told}"


def _error_code(body: bytes) -> str:
    """The code of RFC 6749, 5.2; nothing else of the body is told, since it may echo what was sent."""
    try:
        said = msgspec.json.decode(body)
    except UNREADABLE:
        return ""
    code = said.get("error") if isinstance(said, dict) else None
    return code if isinstance(code, str) and code in _ERROR_CODES else ""
