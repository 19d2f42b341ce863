"""Access tokens: which were given out, to which app, and until when they hold."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from .api import Json
from .credentials import Pair
from .fault_fields import whole

DEFAULT_EXPIRES_IN = 3600
"""Event API, Legacy Authentication: "for one hour"."""

_LONGEST = 10**8


class InvalidOauth(ValueError):
    """A setting is not `{"expires_in", "revoke"}`; the text says where."""


@dataclass(frozen=True, slots=True)
class Grant:
    """To whom a token was given, and when it ends."""

    app: Pair
    ends: datetime


class Tokens:
    """The tokens of one sandbox. They survive a reset, as a client may still hold them; their count does not."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """End all tokens, and forget what was set."""
        self.expires_in = DEFAULT_EXPIRES_IN
        self._grants: dict[str, Grant] = {}
        self.forget()

    def forget(self) -> None:
        """Begin to count again."""
        self.given: Counter[str] = Counter()

    def new(self) -> str:
        """A token that is not given to anybody yet: three parts, as the document's sample has."""
        return ".".join(secrets.token_urlsafe(size) for size in (24, 96, 32))

    def give(self, token: str, app: Pair, ends: datetime) -> None:
        self._grants[token] = Grant(app, ends)
        self.given[app[0]] += 1

    def app_of(self, authorization: str | None, now: datetime) -> Pair | None:
        """The app of a `Bearer` header's token (RFC 6750); None if it is unknown, expired or anything else."""
        scheme, _, token = (authorization or "").partition(" ")
        grant = self._grants.get(token.strip()) if scheme.lower() == "bearer" else None
        return grant.app if grant is not None and now < grant.ends else None

    def end_of(self, now: datetime) -> datetime:
        return now + timedelta(seconds=self.expires_in)

    def change(self, value: Json) -> None:
        """`expires_in` of the tokens to come; `revoke` those given out. Raises `InvalidOauth`, then changes nothing."""
        if not isinstance(value, dict) or not value.keys() <= {"expires_in", "revoke"}:
            raise InvalidOauth("must be an object of expires_in and revoke")
        expires_in = _expires_in(value, self.expires_in)
        if not isinstance(value.get("revoke", False), bool):
            raise InvalidOauth("revoke: must be true or false")
        self.expires_in = expires_in
        if value.get("revoke"):
            self._grants.clear()

    def as_json(self, now: datetime) -> dict[str, Json]:
        valid = sum(now < grant.ends for grant in self._grants.values())
        by_app: dict[str, Json] = {**self.given}
        return {"expires_in": self.expires_in, "given": self.given.total(), "by_app": by_app, "valid": valid}


def _expires_in(value: Mapping[str, Json], default: int) -> int:
    try:
        return whole(value["expires_in"], 0, _LONGEST) if "expires_in" in value else default
    except ValueError as fault:
        raise InvalidOauth(f"expires_in: {fault}") from fault
