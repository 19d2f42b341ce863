"""`forwarder up`, `sandbox` and `demo`."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import Annotated, Any

import typer

from worker.cli.context import err, out
from worker.settings import console_settings, data_dir


def up(
    flower_port: Annotated[int, typer.Option(help="Flower's port on loopback.")] = 5555,
    sandbox_port: Annotated[int, typer.Option(help="The sandbox's port on loopback.")] = 8180,
    console_port: Annotated[
        int | None, typer.Option(help="The console's port on loopback. [default: FORWARDER_CONSOLE_PORT, 8190]")
    ] = None,
) -> None:
    """Run the stack in the foreground until Ctrl-C: Redis unless one is configured, sandbox, worker, Flower, console.

    Flower's password and the console's token are FORWARDER_FLOWER_PASSWORD and FORWARDER_CONSOLE_TOKEN, or made up and
    printed.
    """
    from worker.stack.up import Wishes, run

    password = os.environ.get("FORWARDER_FLOWER_PASSWORD", "")
    console = console_settings(os.environ)
    ports = (sandbox_port, console.console_port if console_port is None else console_port)
    wishes = Wishes(data_dir(), flower_port, password, *ports, console.console_token)
    ending = run(
        os.environ,
        wishes,
        lambda name, text: out.print(f"{name:>8}  {text}", highlight=False, markup=False, soft_wrap=True),
    )
    if ending.program:
        typer.echo(ending.message, err=True)
        raise typer.Exit(1)
    typer.echo("stopped; what was not delivered waits in the data folder")


def _say(name: str, text: str) -> None:
    out.print(f"{name:>8}  {text}", highlight=False, markup=False, soft_wrap=True)  # an address is one unbroken line


def sandbox(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65_535, help="Port; 0 takes a free one.")] = 8180,
    seed: Annotated[int, typer.Option(help="Seed of the faults.")] = 0,
    faults: Annotated[Path | None, typer.Option(help="JSON list of fault rules.", exists=True, dir_okay=False)] = None,
    credentials: Annotated[
        Path | None,
        typer.Option(help="JSON: account to key pair; without it any is taken.", exists=True, dir_okay=False),
    ] = None,
) -> None:
    """Run a stand-in for Rokt's APIs, for development and tests."""
    from worker.sandbox.server import serve

    try:
        rules, table = _json(faults), _json(credentials)
        asyncio.run(serve(host=host, port=port, seed=seed, faults=rules, credentials=table))
    except OSError as error:
        typer.echo(f"forwarder: cannot listen on {host} port {port}: {error.strerror}", err=True)
        raise typer.Exit(1) from None
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def demo(
    events: Annotated[int, typer.Option(min=50, max=1_000_000, help="How many sample events.")] = 5_000,
) -> None:
    """Show the main job on sample events: an embedded Redis, the sandbox and a worker; ends by itself."""
    from worker.demo.run import run

    raise typer.Exit(run(events, os.environ, out, err))


def _json(file: Path | None) -> Any:
    return json.loads(file.read_bytes()) if file else None
