"""Whose keys are used for an account: a TOML file, read again when it changes."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Protocol

import structlog
from msgspec import Struct
from msgspec.structs import astuple

from producers.destinations.accounts import AccountCredentials, Text
from producers.errors import ConfigurationError, InvalidEvent
from producers.validation import validated

log = structlog.get_logger("forwarder.credentials")
_FROM_ENVIRONMENT = "env:"


class QueryCredentials(Struct, frozen=True, forbid_unknown_fields=True):
    """A person's, for many accounts."""

    app_id: Text = ""
    app_secret: Text = ""


class CredentialsFile(Struct, frozen=True, forbid_unknown_fields=True):
    """`[accounts.<id>]` tables and `[query]`."""

    accounts: dict[str, AccountCredentials] = {}
    query: QueryCredentials = QueryCredentials()


class Credentials(Protocol):
    """Where an account's credentials are asked for. None: there are none. `version` changes when they may have."""

    @property
    def version(self) -> object: ...

    def of(self, account: str) -> AccountCredentials | None: ...


class SandboxCredentials:
    """Made-up keys for any account; the sandbox takes them, no real host does."""

    version = None

    def of(self, account: str) -> AccountCredentials | None:
        return AccountCredentials(
            public_key=f"rpub-sandbox-{account}",
            secret_key=f"rsec-sandbox-{account}",
            tag_id=account,
            client_id=f"client-{account}",
            client_secret=f"secret-{account}",
        )


class FileCredentials:
    """The file's, as it is now. A file that became unusable changes nothing; `fault` then says why."""

    def __init__(self, path: Path, environ: Mapping[str, str]) -> None:
        self._path = path
        self._environ = environ
        self.fault: str | None = None
        self._stamp = self._stamp_now()
        self._file = load(path, environ)

    @property
    def version(self) -> object:
        return self._stamp_now()

    def of(self, account: str) -> AccountCredentials | None:
        stamp = self._stamp_now()
        if stamp != self._stamp:
            self._stamp = stamp
            self._read_again()
        return self._file.accounts.get(account)

    def _read_again(self) -> None:
        try:
            self._file, self.fault = load(self._path, self._environ), None
            log.info("credentials_read_again")
        except ConfigurationError as error:
            self.fault = str(error)
            log.warning("credentials_unusable", fault=self.fault, used="those read before")

    def _stamp_now(self) -> tuple[int, int, int]:
        try:
            about = self._path.stat()
        except OSError:
            return (0, 0, 0)
        return (about.st_mtime_ns, about.st_size, about.st_ino)


def print_of(credentials: AccountCredentials | None) -> str:
    """A short print by which changed credentials can be told from those that were refused; it gives nothing away."""
    if credentials is None:
        return "none"
    told = "\0".join(str(value) for value in astuple(credentials))
    return sha256(b"forwarder credentials\0" + told.encode()).hexdigest()[:16]


def load(path: Path, environ: Mapping[str, str]) -> CredentialsFile:
    """The file's content. Raises `ConfigurationError` that names the file, the field and the fault, never a secret."""
    try:
        with path.open("rb") as file:
            raw = tomllib.load(file)
    except OSError as error:
        raise ConfigurationError(f"FORWARDER_CREDENTIALS_FILE: {path}: {error.strerror or error}") from None
    except (ValueError, RecursionError) as error:  # the two kinds of tomllib, and what its parts may raise
        raise ConfigurationError(f"FORWARDER_CREDENTIALS_FILE: {path}: is not TOML: {error}") from None
    try:
        return validated(_resolved(raw, environ, ""), CredentialsFile, at="")
    except InvalidEvent as error:
        raise ConfigurationError(f"FORWARDER_CREDENTIALS_FILE: {path}: {error}") from None


def _resolved(value: object, environ: Mapping[str, str], at: str) -> object:
    """The values; `env:NAME` is replaced by that variable's."""
    if isinstance(value, dict):
        return {name: _resolved(item, environ, f"{at}.{name}" if at else name) for name, item in value.items()}
    if not isinstance(value, str) or not value.startswith(_FROM_ENVIRONMENT):
        return value
    name = value.removeprefix(_FROM_ENVIRONMENT)
    if not environ.get(name):
        raise ConfigurationError(f"FORWARDER_CREDENTIALS_FILE: {at}: the environment variable {name} is not set")
    return environ[name]
