"""Who may come in: the token, the signed cookie that stands for it, and the token of each form."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import time
from collections.abc import Callable
from typing import NamedTuple

LASTS_S = 12 * 3600  # a shift
MOST_NAME = 60


class Session(NamedTuple):
    """One who signed in. `id` is random; `name`: what the audit shall say, as they gave it; `ends` in seconds."""

    id: str
    name: str
    ends: int


class Access:
    """Everything follows from the token: another token, and nobody is signed in any more.

    `now` gives seconds. Who signed out is remembered until the cookie would have ended, by this process alone.
    """

    def __init__(self, token: str, now: Callable[[], float] = time.time) -> None:
        self._token = token.encode()
        self._now = now
        self._gone: dict[str, int] = {}

    def admits(self, token: str) -> bool:
        """Whether this is the token; takes as long whatever is given."""
        return hmac.compare_digest(_digest(token.encode("utf-8", "replace")), _digest(self._token))

    def grant(self, name: str = "") -> str:
        """The cookie of a new session."""
        printable = "".join(character for character in name.strip() if character.isprintable())[:MOST_NAME]
        named = base64.urlsafe_b64encode(printable.encode("utf-8", "replace")).decode().rstrip("=")
        body = f"1.{int(self._now()) + LASTS_S}.{secrets.token_urlsafe(18)}.{named}"
        return f"{body}.{self._sign('cookie', body)}"

    def session(self, cookie: str) -> Session | None:
        """Whose cookie it is; None if it is not ours, has ended or was given back."""
        body, _, signature = cookie.rpartition(".")
        if not hmac.compare_digest(signature.encode("utf-8", "replace"), self._sign("cookie", body).encode()):
            return None
        _, ends, id_, named = body.split(".")
        if int(ends) <= self._now() or id_ in self._gone:
            return None
        return Session(id_, base64.urlsafe_b64decode(named + "=" * (-len(named) % 4)).decode(), int(ends))

    def end(self, session: Session) -> None:
        """From now on its cookie is worth nothing."""
        self._gone = {id_: ends for id_, ends in self._gone.items() if ends > self._now()}
        self._gone[session.id] = session.ends

    def form_token(self, session: Session) -> str:
        """What every form of this session carries, and no other page can know."""
        return self._sign("form", session.id)

    def owns_form(self, session: Session, token: str) -> bool:
        return hmac.compare_digest(token.encode("utf-8", "replace"), self.form_token(session).encode())

    def _sign(self, purpose: str, text: str) -> str:
        made = hmac.digest(self._token, f"forwarder console {purpose}\0{text}".encode("utf-8", "replace"), "sha256")
        return base64.urlsafe_b64encode(made).decode().rstrip("=")


def _digest(text: bytes) -> bytes:
    return hashlib.sha256(text).digest()
