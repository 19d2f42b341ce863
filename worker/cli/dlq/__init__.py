"""`forwarder dlq`: what Rokt did not accept, why, and what to do with it."""

from __future__ import annotations

import typer

from worker.cli.dlq.carrying import export, import_
from worker.cli.dlq.listing import list_letters, show, stats
from worker.cli.dlq.moving import discard
from worker.cli.dlq.replaying import replay
from worker.cli.dlq.steering import cancel, pause, replays, resume

app = typer.Typer(help="Dead letters: events that will not be sent again by themselves.", no_args_is_help=True)
app.command("list")(list_letters)
app.command("import")(import_)
for command in (stats, show, export, replay, replays, pause, resume, cancel, discard):
    app.command()(command)
