"""The commands of `forwarder`, put together; errors become one readable line."""

from __future__ import annotations

import os
import sys

import typer
from redis.exceptions import RedisError

from producers.errors import ConfigurationError, ForwarderError
from worker.cli import check, dlq, enqueue, holds, query, queues, run_stack
from worker.stack.errors import StackError

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
app.command("status")(queues.show_status)
app.command("drain")(queues.drain)
app.command("health")(queues.health)
app.command("pause")(holds.pause)
app.command("resume")(holds.resume)
app.command("check")(check.check)
app.add_typer(dlq.app, name="dlq")
app.add_typer(query.app, name="query")


def run() -> None:
    """Runs the command that was asked for. A fault is one line on standard error, never a traceback."""
    try:
        app()
    except ConfigurationError as error:
        _end(str(error), 2)
    except (ForwarderError, StackError) as error:
        _end(str(error), 1)
    except RedisError as error:
        _end(f"Redis does not answer: {error}", 1)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader has seen enough
        sys.exit(1)


def _end(message: str, status: int) -> None:
    typer.echo(f"forwarder: {message}", err=True)
    sys.exit(status)
