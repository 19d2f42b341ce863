"""The commands of `forwarder`, put together."""

from __future__ import annotations

import typer

from worker.cli import audit, check, dlq, enqueue, erase, find, health, holds, query, queues, run_stack, spool
from worker.cli.ending import in_one_line

app = typer.Typer(
    name="forwarder",
    help="Forwards single events to Rokt in full batches, at least once.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("up")(run_stack.up)
app.command("sandbox")(run_stack.sandbox)
app.command("demo")(run_stack.demo)
app.command("enqueue")(enqueue.enqueue)
app.command("find")(find.find)
app.command("status")(queues.show_status)
app.command("drain")(queues.drain)
app.command("health")(health.health)
app.command("pause")(holds.pause)
app.command("resume")(holds.resume)
app.command("check")(check.check)
app.command("erase")(erase.erase)
app.command("audit")(audit.audit)
app.add_typer(dlq.app, name="dlq")
app.add_typer(query.app, name="query")
app.add_typer(spool.app, name="spool")


def run() -> None:
    """Runs the command that was asked for."""
    in_one_line(app)
