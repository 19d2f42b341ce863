"""`forwarder dlq list|stats|show`: what there is."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from enum import StrEnum
from typing import Annotated, Any

import typer
from rich.table import Table

from worker.cli.context import DestinationOption, JsonOption, out, plain, print_json
from worker.cli.dlq.filters import filtered, queue
from worker.cli.dlq.letter_page import print_letter
from worker.cli.dlq.shared import on_queues, shown_plain
from worker.dead_letters import DeadLetters, Filter, Letter

SHOWN = 50  # in a table, unless told


class By(StrEnum):
    DESTINATION = "destination"
    ACCOUNT = "account"
    CODE = "code"


@filtered
def list_letters(
    chosen: Filter,
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many (a table shows 50 unless told).")] = None,
    oldest_first: Annotated[bool, typer.Option("--oldest-first", help="Those that died first, first.")] = False,
    as_json: JsonOption = False,
) -> None:
    """List dead letters, newest first. `--text` and `--attempts` read them one by one; the rest is asked of indexes."""
    if as_json:
        on_queues(lambda queues: _stream(queues.find(chosen, oldest_first=oldest_first), limit))
    else:
        on_queues(lambda queues: _table(queues, chosen, limit or SHOWN, oldest_first))


def stats(
    by: Annotated[By | None, typer.Option(help="Sums by this alone.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="Rows of the table, the largest counts first.")] = SHOWN,
    as_json: JsonOption = False,
) -> None:
    """Count dead letters by destination, account and code; of counters, however many there are."""
    names = [by.value] if by else [each.value for each in By]
    sums = _summed(on_queues(lambda queues: queues.counts()), names)
    if as_json:
        print_json([{**dict(zip(names, of, strict=True)), "letters": letters} for of, letters in sums.most_common()])
        return
    table = Table(*names, "letters", show_footer=True)
    table.columns[0].footer, table.columns[-1].footer = "all", f"{sums.total():,}"
    table.columns[-1].justify = "right"
    for of, letters in sums.most_common(limit):
        table.add_row(*map(shown_plain, of), f"{letters:,}")
    out.print(table)
    if len(sums) > limit:
        typer.echo(f"the largest {limit:,} of {len(sums):,} counts: see --limit and --by", err=True)


def _summed(counts: Mapping[tuple[str, str, str], int], names: list[str]) -> Counter[tuple[str, ...]]:
    sums: Counter[tuple[str, ...]] = Counter()
    for of, letters in counts.items():
        named = dict(zip((each.value for each in By), of, strict=True))
        sums[tuple(named[name] for name in names)] += letters
    return sums


def show(
    event_id: Annotated[str, typer.Argument(metavar="ID", help="The event's id.")],
    destination: DestinationOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the dead letters of one event in full, with their history: every death and every edit."""
    chosen = Filter(queue(destination), ids=[event_id])
    letters = on_queues(lambda queues: _all(queues.find(chosen)))
    if not letters:
        typer.echo(f"no dead letter has the id {plain(event_id)}", err=True)
        raise typer.Exit(1)
    if as_json:
        print_json([{**letter.shown(), "history": list(letter.event.history)} for letter in letters])
        return
    for letter in letters:
        print_letter(letter, out)


async def _all(letters: AsyncIterator[Letter]) -> list[Letter]:
    return [letter async for letter in letters]


async def _stream(letters: AsyncIterator[Letter], limit: int | None) -> None:
    """A JSON array, a letter at a time."""
    count = 0
    sys.stdout.write("[")
    async for letter in letters:
        sys.stdout.write((", " if count else "") + json.dumps(letter.shown(), ensure_ascii=False))
        count += 1
        if count == limit:
            break
    sys.stdout.write("]\n")


async def _table(queues: DeadLetters, chosen: Filter, limit: int, oldest_first: bool) -> None:
    table, more = Table("id", "destination", "account", "code", "message", "died at", "expires at"), False
    async for letter in queues.find(chosen, oldest_first=oldest_first):
        if table.row_count == limit:
            more = True
            break
        table.add_row(*_row(letter.shown()))
    out.print(table)
    if more:
        rest = f" of {await queues.count(chosen):,}" if chosen.indexed else ", and there are more"
        typer.echo(f"the {'oldest' if oldest_first else 'newest'} {limit:,}{rest}: see --limit", err=True)


def _row(letter: dict[str, Any]) -> list[str | None]:
    reason = letter["reasons"][0] if letter["reasons"] else {"code": "", "message": ""}
    cells = (letter["id"], letter["destination"], letter["account"], reason["code"], reason["message"][:60])
    return [*(shown_plain(cell) for cell in cells), letter["died_at"], letter["expires_at"]]
