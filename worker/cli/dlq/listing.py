"""`forwarder dlq list|stats|show`: what there is."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from worker.cli.context import DestinationOption, JsonOption, out, print_json
from worker.cli.dlq.shared import AccountOption, CodeOption, on_queues, queue, shown_plain
from worker.dead_letters import DeadLetters, Filter


def list_letters(
    destination: DestinationOption = None,
    account: AccountOption = None,
    code: CodeOption = None,
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many (a table shows 50 unless told).")] = None,
    as_json: JsonOption = False,
) -> None:
    """List dead letters, newest first."""
    chosen = Filter(queue(destination), account, code)
    letters = on_queues(lambda queues: _shown(queues, chosen, limit if as_json else limit or 50))
    if as_json:
        print_json(letters)
    else:
        out.print(_table(letters))


def stats(as_json: JsonOption = False) -> None:
    """Count dead letters by destination, account and code."""
    counts = on_queues(lambda queues: queues.counts())
    rows = [
        {"destination": name, "account": account, "code": code, "letters": letters}
        for (name, account, code), letters in sorted(counts.items(), key=lambda item: -item[1])
    ]
    if as_json:
        print_json(rows)
        return
    table = Table("destination", "account", "code", "letters")
    for row in rows:
        table.add_row(*(shown_plain(str(value)) for value in row.values()))
    out.print(table)


def show(
    event_id: Annotated[str, typer.Argument(metavar="ID", help="The event's id.")],
    destination: DestinationOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the dead letters of one event in full, with their history."""
    chosen = Filter(queue(destination), ids=[event_id])
    letters = on_queues(lambda queues: _shown(queues, chosen, None, history=True))
    if not letters:
        typer.echo(f"no dead letter has the id {event_id}", err=True)
        raise typer.Exit(1)
    if as_json:
        print_json(letters)
    for letter in letters if not as_json else []:
        print_letter(letter, out)


def print_letter(letter: dict[str, Any], console: Console) -> None:
    """One letter for a person, its own text escaped."""
    console.print_json(json.dumps(letter, ensure_ascii=False))


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
        table.add_row(*(shown_plain(cell) for cell in cells), letter["died_at"], letter["expires_at"])
    return table
