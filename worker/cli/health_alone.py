"""`forwarder health` by itself, with as few imports as it needs."""

from __future__ import annotations

import sys

import typer

from worker.cli.ending import in_one_line
from worker.cli.health import health


def run() -> None:
    """The command, with what stands after its name."""
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(health)
    in_one_line(lambda: app(args=sys.argv[2:], prog_name="forwarder health"))
