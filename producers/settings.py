"""The settings that producers and workers must agree on, read from the environment here alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, TypeVar

from msgspec import Meta, Struct

from producers.errors import ConfigurationError, InvalidEvent
from producers.redis_url import parse_redis_url, secret_free
from producers.validation import validated

Model = TypeVar("Model", bound=Struct)
PREFIX = "FORWARDER_"


class BufferSettings(Struct, frozen=True):
    """Where the events wait. `shards`: over how many the accounts of a destination are spread.

    `max_memory_percent`: of Redis's maxmemory, above which nothing more is accepted: what drains the buffer, and the
    broker in the same Redis, still need room.
    """

    redis_url: str = "redis://127.0.0.1:6379/0"
    key_prefix: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_.-]{1,32}\Z")] = "forwarder"
    shards: Annotated[int, Meta(ge=1, le=256)] = 1
    max_memory_percent: Annotated[int, Meta(ge=1, le=100)] = 80


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


def buffer_settings(environ: Mapping[str, str]) -> BufferSettings:
    """From `FORWARDER_REDIS_URL` (else `REDIS_URL`), `FORWARDER_KEY_PREFIX`, `FORWARDER_SHARDS`."""
    url = environ.get("FORWARDER_REDIS_URL") or environ.get("REDIS_URL") or ""
    settings = read(BufferSettings, {**environ, "FORWARDER_REDIS_URL": url})
    parse_redis_url(settings.redis_url)
    return settings


def batch_settings(environ: Mapping[str, str], destination: str, *, max_events: int, max_bytes: int) -> BatchSettings:
    """The caps and linger of one destination. A smaller cap than Rokt's may be set, never a larger number of events."""
    defaults = {"max_events": max_events, "max_bytes": max_bytes}
    settings = read(BatchSettings, environ, destination, defaults)
    if settings.max_events > max_events:
        name = variable(environ, "max_events", destination)
        raise ConfigurationError(f"{name}: {destination} takes at most {max_events} events a request")
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


__all__ = ["BatchSettings", "BufferSettings", "batch_settings", "buffer_settings", "read", "secret_free"]
