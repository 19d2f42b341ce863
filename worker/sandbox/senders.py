"""How a sender says who it is: by a key pair in each request, or by a token that it was given before."""

from __future__ import annotations

from typing import Protocol

from .api import Call
from .credentials import Credentials
from .oauth import Tokens


class Senders(Protocol):
    """One way to say it."""

    def known(self, call: Call) -> bool:
        """Whether the credentials exist (otherwise 401)."""

    def may_send_for(self, call: Call, account: str) -> bool:
        """Whether they may be used for an account (otherwise 403)."""


class PairSenders:
    """`Authorization: Basic base64(rpub-…:rsec-…)`."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials

    def known(self, call: Call) -> bool:
        return self._credentials.known(call.headers.get("authorization"))

    def may_send_for(self, call: Call, account: str) -> bool:
        return self._credentials.may_send_for(call.headers.get("authorization"), account)


class TokenSenders:
    """`Authorization: Bearer …`."""

    def __init__(self, tokens: Tokens, credentials: Credentials) -> None:
        self._tokens, self._credentials = tokens, credentials

    def known(self, call: Call) -> bool:
        return self._tokens.app_of(call.headers.get("authorization"), call.now) is not None

    def may_send_for(self, call: Call, account: str) -> bool:
        app = self._tokens.app_of(call.headers.get("authorization"), call.now)
        return app is not None and self._credentials.app_may_use(app, account)
