"""`forwarder dlq replays|pause|resume|cancel`: replays that run, and those that ran within a week."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated

import typer
from rich.table import Column, Table

from producers.clock import rfc3339
from worker.cli.audit import acting
from worker.cli.context import JsonOption, WhyOption, buffer_of, environment, out, print_json
from worker.cli.dlq.following import on_replays
from worker.cli.dlq.shared import shown_plain
from worker.replay import Progress, Replays

ReplayArgument = Annotated[str, typer.Argument(metavar="REPLAY", help="As `forwarder dlq replays` shows it.")]
Steer = Callable[[Replays, str], Awaitable[bool]]


def replays(
    replay: Annotated[str | None, typer.Argument(metavar="[REPLAY]", help="Only this one.")] = None,
    as_json: JsonOption = False,
) -> None:
    """List replays, newest first: how far each has come."""
    found = on_replays(lambda known: _found(known, replay))
    if replay and not found:
        typer.echo(f"no replay has the id {replay}; those that are over are known for a week", err=True)
        raise typer.Exit(1)
    if as_json:
        print_json([each.shown() for each in found])
        return
    table = Table(
        Column("replay", no_wrap=True, min_width=max((len(each.id) for each in found), default=0)),
        "state",
        "began",
        "by",
        "chosen by",
        "chosen",
        "moved",
        "withheld",
        "undecided",
        "expired",
    )
    for each in found:
        counts = (each.chosen, each.moved, each.withheld, each.undecided, each.expired)
        table.add_row(each.id, each.state, rfc3339(each.created), shown_plain(each.by), _words(each), *map(str, counts))
    out.print(table)


def pause(replay: ReplayArgument, why: WhyOption = "") -> None:
    """Let a replay rest: nothing more is moved until it is resumed."""
    _steer("pause", "paused", replay, Replays.pause, why)


def resume(replay: ReplayArgument, why: WhyOption = "") -> None:
    """Let a replay go on."""
    _steer("resume", "resumed", replay, Replays.resume, why)


def cancel(replay: ReplayArgument, why: WhyOption = "") -> None:
    """End a replay. What it has moved is on its way, and stays so."""
    _steer("cancel", "cancelled", replay, Replays.cancel, why)


def _steer(verb: str, done: str, replay: str, steer: Steer, why: str) -> None:
    known = on_replays(lambda replays: replays.progress(replay))
    steered = known is not None and not known.is_over
    if steered:
        with acting(buffer_of(environment()), f"dlq {verb}", {"replay": replay}, why) as told:
            steered = told[done] = on_replays(lambda replays: steer(replays, replay))  # unless it is over just now
    if not steered:
        typer.echo(f"no replay that is not over has the id {replay}", err=True)
        raise typer.Exit(1)
    typer.echo(f"{replay} {done}")


async def _found(known: Replays, replay: str | None) -> list[Progress]:
    if replay is None:
        return await known.all()
    one = await known.progress(replay)
    return [one] if one else []


def _words(progress: Progress) -> str:
    """What was chosen by."""
    told = [f"{value} ids" if name == "ids" else f"{name} {value}" for name, value in progress.filter.items()]
    told += [f"at most {progress.limit}"] if progress.limit else []
    return shown_plain(", ".join(told) or "all")
