"""`forwarder dlq replay|discard`: what to do with letters."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import typer
from rich.progress import Progress

from worker.cli.audit import audited
from worker.cli.context import DestinationOption, JsonOption, YesOption, agreed, buffer_of, environment, err, print_json
from worker.cli.dlq.shared import AccountOption, AllOption, CodeOption, IdsArgument, chosen_by, on_queues
from worker.dead_letters import DeadLetters, Filter, Place, Replayed

Move = Callable[[DeadLetters, list[Place], Callable[[int], object]], Awaitable[int | Replayed]]


def replay(
    ids: IdsArgument = None,
    destination: DestinationOption = None,
    account: AccountOption = None,
    code: CodeOption = None,
    everything: AllOption = False,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Send dead letters again, with their first ids and times; returns when every chosen one was moved."""
    chosen = chosen_by(ids, destination, account, code, everything)
    _move("replay", "replayed", chosen, yes, as_json, DeadLetters.replay)


def _move(verb: str, done: str, chosen: Filter, yes: bool, as_json: bool, move: Move) -> None:
    """Chooses letters, asks, moves them. An id that has no letter is a failure, told by name."""
    places = on_queues(lambda queues: queues.choose(chosen))
    missing = on_queues(lambda queues: _missing(queues, chosen))
    moved: int | Replayed = 0
    if verb == "replay" and (older := on_queues(lambda queues: queues.overtaken(places))):
        typer.echo(f"{older} of them go past newer changes of their list, which they may undo", err=True)
    if places and not agreed(f"{verb} {len(places)} dead letters?", yes):
        raise typer.Exit(1)
    with Progress(console=err, transient=True, disable=not err.is_terminal) as progress:
        bar = progress.add_task(verb, total=len(places))
        moved = on_queues(lambda queues: move(queues, places, lambda count: progress.update(bar, advance=count)))
    ended = moved if isinstance(moved, Replayed) else Replayed(moved)
    audited(buffer_of(environment()), f"dlq {verb}", _details(chosen, done, ended))
    _tell(done, ended, missing, as_json)
    if missing or ended.undecided:
        raise typer.Exit(1)


def _details(chosen: Filter, done: str, ended: Replayed) -> dict[str, Any]:
    """For the audit: what was chosen, and how many. Ids are only counted: a shop makes them of what it likes."""
    filters = {"destination": chosen.destination, "account": chosen.account, "code": chosen.code}
    told = {name: value for name, value in filters.items() if value is not None}
    withheld = {"withheld": ended.withheld} if ended.withheld else {}
    return {**told, **({"ids": len(chosen.ids)} if chosen.ids else {}), done: ended.moved, **withheld}


def _tell(done: str, ended: Replayed, missing: list[str], as_json: bool) -> None:
    """`withheld` and `undecided` are there only where consent is asked for, and was not given."""
    if as_json:
        rest = {"withheld": ended.withheld, "undecided": list(ended.undecided)}
        print_json({done: ended.moved, "missing": missing, **{name: each for name, each in rest.items() if each}})
    else:
        typer.echo(f"{ended.moved} {done}" + (f", {ended.withheld} withheld and discarded" if ended.withheld else ""))
    for event_id in missing:
        typer.echo(f"no dead letter has the id {event_id}", err=True)
    for event_id in ended.undecided:
        typer.echo(f"the consent callback raised for {event_id}, which stays a dead letter", err=True)


async def _missing(queues: DeadLetters, chosen: Filter) -> list[str]:
    found = {letter.id async for letter in queues.find(chosen)} if chosen.ids else set()
    return [event_id for event_id in chosen.ids if event_id not in found]
