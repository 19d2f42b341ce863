"""What the commands share: the environment they act in, output for people and for scripts, and questions."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from typing import Annotated, Any

import typer
from rich.console import Console

from producers.destinations import DESTINATIONS
from producers.settings import BufferSettings, buffer_settings
from worker.settings import data_dir
from worker.stack_state import running_stack

out = Console()
err = Console(stderr=True)

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
DestinationOption = Annotated[str | None, typer.Option("--destination", "-d", help="Only this destination.")]


def environment() -> Mapping[str, str]:
    """The process's, and the Redis of a running `forwarder up` where none is configured."""
    noted = running_stack(data_dir())
    if os.environ.get("FORWARDER_REDIS_URL") or os.environ.get("REDIS_URL"):
        noted.pop("FORWARDER_REDIS_URL", None)
    return {**noted, **{name: value for name, value in os.environ.items() if value or name not in noted}}


def buffer_of(environ: Mapping[str, str]) -> BufferSettings:
    return buffer_settings(environ)


def print_json(value: Any) -> None:
    sys.stdout.write(json.dumps(value, ensure_ascii=False) + "\n")


def known(destination: str | None) -> str | None:
    """The destination, or wrong usage."""
    if destination is not None and destination not in DESTINATIONS:
        raise typer.BadParameter(f"{destination!r} is none of {', '.join(DESTINATIONS)}", param_hint="--destination")
    return destination


def agreed(question: str, yes: bool) -> bool:
    """Asks on a terminal; elsewhere, and with --yes, the command's own words count."""
    return yes or not sys.stdin.isatty() or typer.confirm(question)
