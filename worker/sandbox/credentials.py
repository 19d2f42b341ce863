"""Who may send for which account: Event API, Authentication ("a public and secret key pair for the accounts")."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from functools import lru_cache
from typing import TypeAlias

from .api import Json

Pair: TypeAlias = tuple[str, str]
_KEYS = {"public_key", "secret_key"}


class InvalidCredentials(ValueError):
    """A credential table is not `{account: {"public_key", "secret_key"}}` with strings; the text says where."""


class Credentials:
    """Without a table every pair of the right form serves every account; with one, only its pairs, for theirs."""

    def __init__(self, table: Json = None) -> None:
        self._accounts: Mapping[Pair, frozenset[str]] | None = None
        self.replace(table)

    def replace(self, table: Json) -> None:
        """Take a new table, or None for none; raises `InvalidCredentials` and then keeps the old one."""
        self._accounts = None if table is None else _by_pair(table)

    def known(self, authorization: str | None) -> bool:
        """Whether an `Authorization` header carries a pair that exists (otherwise 401)."""
        pair = basic_pair(authorization or "")
        if pair is None:
            return False
        if self._accounts is None:
            return pair[0].startswith("rpub-") and pair[1].startswith("rsec-")
        return pair in self._accounts

    def may_send_for(self, authorization: str | None, account: str) -> bool:
        """Whether a known pair belongs to an account (otherwise 403)."""
        if self._accounts is None:
            return True
        pair = basic_pair(authorization or "")
        return pair is not None and account in self._accounts.get(pair, ())


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


def _by_pair(table: Json) -> dict[Pair, frozenset[str]]:
    if not isinstance(table, dict):
        raise InvalidCredentials("the table must be an object of accounts")
    accounts: dict[Pair, frozenset[str]] = {}
    for account, entry in table.items():
        pair = _pair(account, entry)
        accounts[pair] = accounts.get(pair, frozenset()) | {account}
    return accounts


def _pair(account: str, entry: Json) -> Pair:
    if not isinstance(entry, dict) or set(entry) != _KEYS:
        raise InvalidCredentials(f"{account}: must be an object of public_key and secret_key")
    public_key, secret_key = entry["public_key"], entry["secret_key"]
    if not isinstance(public_key, str) or not isinstance(secret_key, str):
        raise InvalidCredentials(f"{account}: public_key and secret_key must be strings")
    return public_key, secret_key
