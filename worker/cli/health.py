"""`forwarder health`: for people, and for whatever restarts containers."""

from __future__ import annotations

import socket
from typing import Annotated

import typer

from producers.keys import Slot
from worker.cli.context import JsonOption, agreeing, environment, print_json
from worker.connection.client import sync_redis
from worker.lifecycle.health import OVERDUE_S, look, problems
from worker.settings import load_settings

ANSWER_S = 3.0


def health(
    here: Annotated[
        bool, typer.Option("--here", help="Only workers on this machine (in this container) count.")
    ] = False,
    overdue: Annotated[float, typer.Option(min=0, help="Seconds for which due work may lie unclaimed.")] = OVERDUE_S,
    as_json: JsonOption = False,
) -> None:
    """0 if a worker works: its consumer runs, and what is due is claimed. Cheap enough for every ten seconds."""
    settings = load_settings(environment())
    buffer = settings.buffer
    slots = [Slot(buffer.key_prefix, name, shard) for name in settings.hosts for shard in range(buffer.shards)]
    redis = sync_redis(buffer.redis_url, socket_timeout=ANSWER_S)
    seen = look(redis, buffer.key_prefix, slots)
    agreeing(buffer, seen.terms)
    host = socket.gethostname() if here else ""
    found = problems(seen, host=host, overdue_s=overdue)
    workers = [worker for worker in seen.workers if host in ("", worker.host)]
    if as_json:
        print_json({"healthy": not found, "workers": [each._asdict() for each in workers], "problems": found})
    elif found:
        typer.echo("; ".join(found), err=True)
    else:
        typer.echo(f"{len(workers)} at work: {', '.join(map(str, workers))}")
    if found:
        raise typer.Exit(1)
