"""The commands of `forwarder`, put together. Only the one that is asked for is imported: all take half a second."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from importlib import import_module

import typer

from worker.cli.ending import in_one_line
from worker.logs import configure
from worker.settings import log_settings

COMMANDS = {  # in the order of the help: where the function is
    "up": "run_stack:up",
    "console": "console:console",
    "sandbox": "run_stack:sandbox",
    "demo": "run_stack:demo",
    "enqueue": "enqueue:enqueue",
    "find": "find:find",
    "status": "queues:show_status",
    "drain": "queues:drain",
    "health": "health:health",
    "metrics": "metrics:metrics",
    "pause": "holds:pause",
    "resume": "holds:resume",
    "check": "check:check",
    "erase": "erase:erase",
    "audit": "audit:audit",
}
GROUPS = ("dlq", "query", "spool")  # modules with commands of their own


def run() -> None:
    """Runs the command that was asked for."""
    app = made(sys.argv[1:])
    in_one_line(app if sys.argv[1:2] == ["demo"] else _logging_and(app))  # no variable steers the demo


def _logging_and(app: Callable[[], object]) -> Callable[[], object]:
    """What a command has to warn of goes to standard error, in the form of all logs."""

    def run() -> None:
        configure(*log_settings(default_level="WARNING"))
        app()

    return run


def made(arguments: Sequence[str]) -> typer.Typer:
    """With the command of these arguments, or with all of them if they name none."""
    app = typer.Typer(name="forwarder", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
    app.callback()(forwarder)
    known = (*COMMANDS, *GROUPS)
    for name in arguments[:1] if arguments[:1] and arguments[0] in known else known:
        _add(app, name)
    return app


def forwarder() -> None:
    """Forwards single events to Rokt in full batches, at least once."""


def _add(app: typer.Typer, name: str) -> None:
    if name in GROUPS:
        app.add_typer(import_module(f"worker.cli.{name}").app, name=name)
    else:
        module, _, function = COMMANDS[name].partition(":")
        app.command(name)(getattr(import_module(f"worker.cli.{module}"), function))
