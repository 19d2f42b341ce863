"""Whose credentials ask: a person's, for many accounts. Source: query-api.txt, "Authentication"."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence

from msgspec import Struct

from producers.errors import ConfigurationError
from worker.access.credentials import QueryCredentials

_HEADER_SAFE = re.compile(r"[!-~]+")


class AppPair(Struct, frozen=True):
    """An app id and secret, for which a token is fetched. Its text form shows neither."""

    app_id: str
    app_secret: str

    @property
    def secrets(self) -> Sequence[str]:
        """What must not be seen in a message."""
        return (base64.b64encode(f"{self.app_id}:{self.app_secret}".encode()).decode(), self.app_secret)

    def __repr__(self) -> str:
        return "AppPair(…)"


class BearerToken(Struct, frozen=True):
    """A token that somebody else fetched. Its text form does not show it."""

    token: str

    @property
    def secrets(self) -> Sequence[str]:
        """What must not be seen in a message."""
        return (self.token,)

    def __repr__(self) -> str:
        return "BearerToken(…)"


Access = AppPair | BearerToken


def query_access(in_file: QueryCredentials, environ: Mapping[str, str]) -> Access:
    """As `given_access`. Raises `ConfigurationError` that names every place that was looked at if there is none."""
    if access := given_access(in_file, environ):
        return access
    raise ConfigurationError(
        "no credentials for queries: give app_id and app_secret under [query] in FORWARDER_CREDENTIALS_FILE, "
        "or ROKT_APP_ID and ROKT_APP_SECRET, or ROKT_BEARER_TOKEN"
    )


def given_access(in_file: QueryCredentials, environ: Mapping[str, str]) -> Access | None:
    """The credentials file's `[query]`, else `ROKT_APP_ID` and `ROKT_APP_SECRET`, else `ROKT_BEARER_TOKEN`.

    Raises `ConfigurationError` that names the half of a pair that is missing.
    """
    app_id, app_secret = environ.get("ROKT_APP_ID", ""), environ.get("ROKT_APP_SECRET", "")
    return (
        _pair(in_file.app_id, in_file.app_secret, "[query] app_id", "[query] app_secret")
        or _pair(app_id, app_secret, "ROKT_APP_ID", "ROKT_APP_SECRET")
        or _bearer(environ.get("ROKT_BEARER_TOKEN", ""))
    )


def _pair(app_id: str, app_secret: str, id_name: str, secret_name: str) -> AppPair | None:
    if bool(app_id) != bool(app_secret):
        given, missing = (id_name, secret_name) if app_id else (secret_name, id_name)
        raise ConfigurationError(f"{missing}: is missing, while {given} is given; both are needed")
    if ":" in app_id:
        raise ConfigurationError(f"{id_name}: must not hold a colon")
    return AppPair(app_id, app_secret) if app_id else None


def _bearer(text: str) -> BearerToken | None:
    token = text.strip().removeprefix("Bearer ").strip()
    if token and not _HEADER_SAFE.fullmatch(token):
        raise ConfigurationError("ROKT_BEARER_TOKEN: holds characters that a token cannot have")
    return BearerToken(token) if token else None
