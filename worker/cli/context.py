"""What the commands share: the environment they act in, output for people and for scripts, and questions."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from typing import Annotated, Any

import typer
from redis.exceptions import RedisError
from rich.console import Console

from producers.destinations import DESTINATIONS
from producers.errors import ConfigurationError
from producers.keys import agreement_key, disagreement, terms
from producers.settings import BufferSettings, buffer_settings
from worker.connection.client import sync_redis
from worker.settings import data_dir
from worker.stack_state import running_stack

out = Console()
err = Console(stderr=True)

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
WhyOption = Annotated[str, typer.Option("--why", "-w", help="Why you do it: kept in the audit.")]
DestinationOption = Annotated[str | None, typer.Option("--destination", "-d", help="Only this destination.")]


def environment() -> Mapping[str, str]:
    """The process's, and the Redis of a running `forwarder up` where none is configured."""
    noted = running_stack(data_dir())
    if os.environ.get("FORWARDER_REDIS_URL") or os.environ.get("REDIS_URL"):
        noted.pop("FORWARDER_REDIS_URL", None)
    return {**noted, **{name: value for name, value in os.environ.items() if value or name not in noted}}


def buffer_of(environ: Mapping[str, str]) -> BufferSettings:
    """Where the events wait. Refuses other terms than those that the data there was written by."""
    buffer = buffer_settings(environ)
    redis = sync_redis(buffer.redis_url)
    try:
        noted = redis.get(agreement_key(buffer.key_prefix))
    except RedisError:
        return buffer  # the command itself says so
    finally:
        redis.close()
    return agreeing(buffer, noted.decode() if isinstance(noted, bytes) else None)


def agreeing(buffer: BufferSettings, noted: str | None) -> BufferSettings:
    """The settings, if they keep to the terms that are noted."""
    if noted is not None and noted != terms(buffer.shards):
        raise ConfigurationError(disagreement(noted, buffer.shards))
    return buffer


def print_json(value: Any) -> None:
    sys.stdout.write(json.dumps(value, ensure_ascii=False) + "\n")


def known(destination: str | None, hint: str = "--destination") -> str | None:
    """The destination, or wrong usage."""
    if destination is not None and destination not in DESTINATIONS:
        raise typer.BadParameter(f"{destination!r} is none of {', '.join(DESTINATIONS)}", param_hint=hint)
    return destination


def plain(text: str) -> str:
    """A stranger's text for a terminal: no control characters."""
    return "".join(character if character.isprintable() else "?" for character in text)


def encodable(text: str) -> bool:
    """Whether it is UTF-8: bytes of the command line that are not come as surrogates."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def asks(yes: bool) -> bool:
    """Whether a command asks: on a terminal; elsewhere, and with --yes, its own words count."""
    return not yes and sys.stdin.isatty()


def agreed(question: str, yes: bool) -> bool:
    """The answer of a person, where one is asked."""
    return not asks(yes) or typer.confirm(question)
