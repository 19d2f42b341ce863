"""The settings that producers and workers must agree on, read from the environment here alone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from msgspec import Meta, Struct

from producers.errors import ConfigurationError, InvalidEvent
from producers.privacy import Mode, Privacy
from producers.redis_url import parse_redis_url, secret_free
from producers.validation import validated

Model = TypeVar("Model", bound=Struct)
PREFIX = "FORWARDER_"
PATIENT = {"FORWARDER_ENQUEUE_BUDGET_MS": "5000"}  # of commands for people, unless told: no checkout waits for them


class BufferSettings(Struct, frozen=True):
    """Where the events wait. `shards`: over how many the accounts of a destination are spread.

    `max_memory_percent`: of Redis's maxmemory, above which nothing more is accepted: what drains the buffer, and the
    broker in the same Redis, still need room.
    `enqueue_budget_ms`: within which a call to enqueue returns, whatever Redis does.
    """

    redis_url: str = "redis://127.0.0.1:6379/0"
    key_prefix: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_.-]{1,32}\Z")] = "forwarder"
    shards: Annotated[int, Meta(ge=1, le=256)] = 1
    max_memory_percent: Annotated[int, Meta(ge=1, le=100)] = 80
    enqueue_budget_ms: Annotated[int, Meta(ge=5, le=60_000)] = 100


class BatchSettings(Struct, frozen=True):
    """How large a batch of one destination grows, and how long it waits for more events (milliseconds).

    `max_buffered_events`, `max_buffered_bytes`: how much of the destination may wait; 0 for any.
    `duplicates_window_s`: how long an id is accepted once at the least; 0 for as often as it comes.
    """

    max_events: Annotated[int, Meta(ge=1, le=100_000)]
    max_bytes: Annotated[int, Meta(ge=1_000, le=64_000_000)]
    linger_ms: Annotated[int, Meta(ge=0, le=3_600_000)] = 1_000
    max_buffered_events: Annotated[int, Meta(ge=0)] = 0
    max_buffered_bytes: Annotated[int, Meta(ge=0)] = 0
    duplicates_window_s: Annotated[int, Meta(ge=0, le=31_536_000)] = 86_400


class PrivacySettings(Struct, frozen=True):
    """What becomes of personal fields. `pii_accounts`: `12345=hash,67890=plain`. `pii_drop`: names, by commas."""

    pii: Mode = "plain"
    pii_accounts: str = ""
    pii_drop: str = ""


class SpoolSettings(Struct, frozen=True):
    """Where events wait that Redis does not take in time: a folder of this machine; empty for none.

    `spool_sync`: a spooled event survives the end of the process (normal) or the loss of power, too (full).
    `spool_max_bytes`: of all files of the folder.
    """

    spool_dir: str = ""
    spool_sync: Literal["normal", "full"] = "normal"
    spool_max_bytes: Annotated[int, Meta(ge=65_536)] = 256_000_000

    @property
    def folder(self) -> Path:
        return Path(self.spool_dir).absolute()


def buffer_settings(environ: Mapping[str, str]) -> BufferSettings:
    """From `FORWARDER_REDIS_URL` (else `REDIS_URL`), `FORWARDER_KEY_PREFIX`, `FORWARDER_SHARDS`."""
    url = environ.get("FORWARDER_REDIS_URL") or environ.get("REDIS_URL") or ""
    settings = read(BufferSettings, {**environ, "FORWARDER_REDIS_URL": url})
    parse_redis_url(settings.redis_url)
    return settings


def consent_setting(environ: Mapping[str, str]) -> str:
    """`FORWARDER_CONSENT`: package.module:function, or nothing."""
    return environ.get("FORWARDER_CONSENT", "")


def privacy_settings(environ: Mapping[str, str]) -> Privacy:
    """From `FORWARDER_PII`, `FORWARDER_PII_ACCOUNTS`, `FORWARDER_PII_DROP`. Raises `ConfigurationError`."""
    settings = read(PrivacySettings, environ)
    accounts: dict[str, Mode] = {}
    for place, part in enumerate(_parts(settings.pii_accounts), start=1):
        account, _, mode = (each.strip() for each in part.rpartition("="))
        if not account or account in accounts or mode not in ("plain", "hash"):
            fault = "names its account twice" if account in accounts else "must be like 12345=hash or 12345=plain"
            raise ConfigurationError(f"FORWARDER_PII_ACCOUNTS: its part {place} {fault}")
        accounts[account] = "hash" if mode == "hash" else "plain"
    return Privacy(settings.pii, accounts, frozenset(_parts(settings.pii_drop)))


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def batch_settings(environ: Mapping[str, str], destination: str, *, max_events: int, max_bytes: int) -> BatchSettings:
    """The caps and linger of one destination. A smaller cap than Rokt's may be set, never a larger number of events."""
    defaults = {"max_events": max_events, "max_bytes": max_bytes}
    settings = read(BatchSettings, environ, destination, defaults)
    if settings.max_events > max_events:
        name = variable(environ, "max_events", destination)
        raise ConfigurationError(f"{name}: {destination} takes at most {max_events} events a request")
    return settings


def spool_settings(environ: Mapping[str, str], batches: Mapping[str, BatchSettings]) -> SpoolSettings | None:
    """From `FORWARDER_SPOOL_DIR`, `FORWARDER_SPOOL_SYNC`, `FORWARDER_SPOOL_MAX_BYTES`; None without a folder."""
    settings = read(SpoolSettings, environ)
    if not settings.spool_dir:
        return None
    for destination, batch in batches.items():
        # What timed out is sent again from the spool, and may be in Redis already: only the index counts it once.
        if batch.duplicates_window_s == 0:
            name = variable(environ, "duplicates_window_s", destination)
            raise ConfigurationError(f"{name}: must not be 0 where FORWARDER_SPOOL_DIR is set")
    return settings


def read(
    model: type[Model], environ: Mapping[str, str], destination: str = "", defaults: Mapping[str, object] | None = None
) -> Model:
    """`model` from variables named after its fields; one that names the destination wins over the general one.

    Raises `ConfigurationError` that names every variable at fault.
    """
    given: dict[str, object] = dict(defaults or {})
    names: dict[str, str] = {}
    for field in model.__struct_fields__:
        for name in _variables(field, destination):
            if environ.get(name, "") != "":
                given[field], names[field] = environ[name], name
                break
    try:
        return validated(given, model, at="", strict=False)
    except InvalidEvent as error:
        raise ConfigurationError("; ".join(f"{names.get(f, f)}: {fault}" for f, fault in error.faults)) from None


def variable(environ: Mapping[str, str], field: str, destination: str = "") -> str:
    """The variable that a setting came from, or would come from."""
    names = _variables(field, destination)
    return next((name for name in names if environ.get(name)), names[-1])


def _variables(field: str, destination: str) -> list[str]:
    own = destination.upper().replace("-", "_") + "_" if destination else ""
    return [PREFIX + own + field.upper(), PREFIX + field.upper()] if own else [PREFIX + field.upper()]


__all__ = [
    "BatchSettings",
    "BufferSettings",
    "SpoolSettings",
    "batch_settings",
    "buffer_settings",
    "privacy_settings",
    "read",
    "secret_free",
    "spool_settings",
]
