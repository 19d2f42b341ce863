"""Who may send for which account, by each kind of credentials that Rokt's documents know.

A table names for each account one kind or several, each of them completely:

    {account: {"public_key", "secret_key",              Event API v2, Custom Audience v3
               "app_id", "app_secret",                  OAuth 2.0: Event API v1, Query API
               "audience_api_key",                      Custom Audience, legacy
               "tag_id", "client_id", "client_secret"   Server Events}}
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TypeAlias

from .api import Json

Pair: TypeAlias = tuple[str, str]
Tag: TypeAlias = tuple[str, str, str]

_KINDS = (
    ("public_key", "secret_key"),
    ("app_id", "app_secret"),
    ("audience_api_key",),
    ("tag_id", "client_id", "client_secret"),
)
_FIELDS = {name for kind in _KINDS for name in kind}
_API_KEY = re.compile(r"[\x21-\x7e]+")


class InvalidCredentials(ValueError):
    """A credential table cannot be used; the text says where."""


@dataclass(slots=True)
class _Table:
    pairs: dict[Pair, set[str]] = field(default_factory=dict)
    apps: dict[Pair, set[str]] = field(default_factory=dict)
    api_keys: dict[str, str] = field(default_factory=dict)
    tags: set[Tag] = field(default_factory=set)


class Credentials:
    """Without a table everything of the right form serves every account; with one, only what it names."""

    def __init__(self, table: Json = None) -> None:
        self._table: _Table | None = None
        self.replace(table)

    def replace(self, table: Json) -> None:
        """Take a new table, or None for none; raises `InvalidCredentials` and then keeps the old one."""
        self._table = None if table is None else _read_table(table)

    def known(self, authorization: str | None) -> bool:
        """Whether an `Authorization` header carries a key pair that exists (otherwise 401)."""
        pair = basic_pair(authorization or "")
        if pair is None:
            return False
        if self._table is None:
            return pair[0].startswith("rpub-") and pair[1].startswith("rsec-")
        return pair in self._table.pairs

    def may_send_for(self, authorization: str | None, account: str) -> bool:
        """Whether a known key pair belongs to an account (otherwise 403)."""
        if self._table is None:
            return True
        pair = basic_pair(authorization or "")
        return pair is not None and account in self._table.pairs.get(pair, ())

    def knows_app(self, pair: Pair) -> bool:
        """Whether an app id and its secret exist. Without a table a key pair is told apart from them by its form."""
        if self._table is None:
            return all(pair) and not pair[0].startswith("rpub-") and not pair[1].startswith("rsec-")
        return pair in self._table.apps

    def app_may_use(self, app: Pair, account: str) -> bool:
        """Whether the app that a token was given to may use an account (otherwise 403)."""
        return self._table is None or account in self._table.apps.get(app, ())

    def account_of_key(self, authorization: str) -> str | None:
        """The account of a legacy API key: itself without a table. None: there is no such key, or it is none."""
        if self._table is None:
            return authorization if _API_KEY.fullmatch(authorization) else None
        return self._table.api_keys.get(authorization)

    def knows_tag(self, tag: Tag) -> bool:
        """Whether a tag id, a client id and its secret exist, and belong together."""
        return all(tag) if self._table is None else tag in self._table.tags


@lru_cache(maxsize=1024)
def basic_pair(authorization: str) -> Pair | None:
    """The user and password of a `Basic` header (RFC 7617); None if it is anything else."""
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, colon, password = base64.b64decode(encoded.strip(), validate=True).decode("utf-8").partition(":")
    except ValueError:
        return None
    return (user, password) if colon else None


def _read_table(value: Json) -> _Table:
    if not isinstance(value, dict):
        raise InvalidCredentials("the table must be an object of accounts")
    table = _Table()
    for account, entry in value.items():
        _add(table, account, _texts(account, entry))
    return table


def _add(table: _Table, account: str, entry: Mapping[str, str]) -> None:
    if "public_key" in entry:
        table.pairs.setdefault((entry["public_key"], entry["secret_key"]), set()).add(account)
    if "app_id" in entry:
        table.apps.setdefault((entry["app_id"], entry["app_secret"]), set()).add(account)
    if "tag_id" in entry:
        table.tags.add((entry["tag_id"], entry["client_id"], entry["client_secret"]))
    if "audience_api_key" in entry and table.api_keys.setdefault(entry["audience_api_key"], account) != account:
        raise InvalidCredentials(f"{account}: audience_api_key is another account's already")


def _texts(account: str, entry: Json) -> dict[str, str]:
    if not isinstance(entry, dict) or not entry or not entry.keys() <= _FIELDS:
        kinds = "; ".join(" and ".join(kind) for kind in _KINDS)
        raise InvalidCredentials(f"{account}: must be an object of one or several of: {kinds}")
    for kind in _KINDS:
        if 0 < len(entry.keys() & set(kind)) < len(kind):
            raise InvalidCredentials(f"{account}: {' and '.join(kind)} must stand together")
    texts = {name: text for name, text in entry.items() if isinstance(text, str)}
    if len(texts) < len(entry):
        raise InvalidCredentials(f"{account}: {min(entry.keys() - texts.keys())} must be a string")
    return texts
