"""`forwarder dlq`: what Rokt did not accept, why, and what to do with it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, TypeVar

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress
from rich.table import Table

from producers import Producer
from worker.cli.audit import audited
from worker.cli.context import (
    DestinationOption,
    JsonOption,
    YesOption,
    agreed,
    buffer_of,
    environment,
    err,
    known,
    out,
    plain,
    print_json,
)
from worker.dead_letters import DeadLetters, Filter, Place, Replayed
from worker.intake.letters import NAME as INTAKE
from worker.redis_client import with_redis
from worker.second_consent import consent_of, entrance
from worker.settings import caps_of

app = typer.Typer(help="Dead letters: events that will not be sent again by themselves.", no_args_is_help=True)

AccountOption = Annotated[str | None, typer.Option("--account", "-a", help="Only this account.")]
CodeOption = Annotated[str | None, typer.Option("--code", "-c", help="Only letters whose first code is this.")]
AllOption = Annotated[bool, typer.Option("--all", help="Every letter that the filters take.")]
IdsArgument = Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="The events' ids.")]
Answer = TypeVar("Answer")
Move = Callable[[DeadLetters, list[Place], Callable[[int], object]], Awaitable[int | Replayed]]


@app.command("list")
def list_letters(
    destination: DestinationOption = None,
    account: AccountOption = None,
    code: CodeOption = None,
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many (a table shows 50 unless told).")] = None,
    as_json: JsonOption = False,
) -> None:
    """List dead letters, newest first."""
    chosen = Filter(_queue(destination), account, code)
    letters = _run(lambda queues: _shown(queues, chosen, limit if as_json else limit or 50))
    if as_json:
        print_json(letters)
    else:
        out.print(_table(letters))


@app.command()
def stats(as_json: JsonOption = False) -> None:
    """Count dead letters by destination, account and code."""
    counts = _run(lambda queues: queues.counts())
    rows = [
        {"destination": name, "account": account, "code": code, "letters": letters}
        for (name, account, code), letters in sorted(counts.items(), key=lambda item: -item[1])
    ]
    if as_json:
        print_json(rows)
        return
    table = Table("destination", "account", "code", "letters")
    for row in rows:
        table.add_row(*(_plain(str(value)) for value in row.values()))
    out.print(table)


@app.command()
def show(
    event_id: Annotated[str, typer.Argument(metavar="ID", help="The event's id.")],
    destination: DestinationOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the dead letters of one event in full, with their history."""
    chosen = Filter(_queue(destination), ids=[event_id])
    letters = _run(lambda queues: _shown(queues, chosen, None, history=True))
    if not letters:
        typer.echo(f"no dead letter has the id {event_id}", err=True)
        raise typer.Exit(1)
    if as_json:
        print_json(letters)
    for letter in letters if not as_json else []:
        print_letter(letter, out)


@app.command()
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
    chosen = _chosen(ids, destination, account, code, everything)
    _move("replay", "replayed", chosen, yes, as_json, DeadLetters.replay)


@app.command()
def discard(
    ids: IdsArgument = None,
    destination: DestinationOption = None,
    account: AccountOption = None,
    code: CodeOption = None,
    everything: AllOption = False,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Give dead letters up for good."""
    chosen = _chosen(ids, destination, account, code, everything)
    _move("discard", "discarded", chosen, yes, as_json, DeadLetters.discard)


def print_letter(letter: dict[str, Any], console: Console) -> None:
    """One letter for a person, its own text escaped."""
    console.print_json(json.dumps(letter, ensure_ascii=False))


def _queue(name: str | None) -> str | None:
    """A dead-letter queue: one a destination, and one for the intake."""
    return name if name == INTAKE else known(name)


def _chosen(
    ids: list[str] | None, destination: str | None, account: str | None, code: str | None, everything: bool
) -> Filter:
    if not (ids or destination or account or code or everything):
        raise typer.BadParameter("name ids or a filter, or say --all")
    return Filter(_queue(destination), account, code, ids or ())


def _move(verb: str, done: str, chosen: Filter, yes: bool, as_json: bool, move: Move) -> None:
    """Chooses letters, asks, moves them. An id that has no letter is a failure, told by name."""
    places = _run(lambda queues: queues.choose(chosen))
    missing = _run(lambda queues: _missing(queues, chosen))
    moved: int | Replayed = 0
    if verb == "replay" and (older := _run(lambda queues: queues.overtaken(places))):
        typer.echo(f"{older} of them go past newer changes of their list, which they may undo", err=True)
    if places and not agreed(f"{verb} {len(places)} dead letters?", yes):
        raise typer.Exit(1)
    with Progress(console=err, transient=True, disable=not err.is_terminal) as progress:
        bar = progress.add_task(verb, total=len(places))
        moved = _run(lambda queues: move(queues, places, lambda count: progress.update(bar, advance=count)))
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


async def _shown(
    queues: DeadLetters, chosen: Filter, limit: int | None, *, history: bool = False
) -> list[dict[str, Any]]:
    shown: list[dict[str, Any]] = []
    async for letter in queues.find(chosen):
        if limit is not None and len(shown) >= limit:
            break
        form = letter.shown()
        shown.append({**form, "history": list(letter.event.history)} if history else form)
    return shown


def _table(letters: list[dict[str, Any]]) -> Table:
    table = Table("id", "destination", "account", "code", "message", "died at", "expires at")
    for letter in letters:
        reason = letter["reasons"][0] if letter["reasons"] else {"code": "", "message": ""}
        cells = (letter["id"], letter["destination"], letter["account"], reason["code"], reason["message"][:60])
        table.add_row(*(_plain(cell) for cell in cells), letter["died_at"], letter["expires_at"])
    return table


def _plain(text: str) -> str:
    """A stranger's text for a table: no markup, no control characters."""
    return escape(plain(text))


def _run(work: Callable[[DeadLetters], Awaitable[Answer]]) -> Answer:
    """With the dead-letter queues of this environment."""
    environ = environment()
    buffer, enqueue = buffer_of(environ), entrance(Producer.patient(environ))
    rest = (buffer, caps_of(environ), enqueue, consent_of(environ))
    return asyncio.run(with_redis(buffer.redis_url, lambda redis: work(DeadLetters(redis, *rest))))
