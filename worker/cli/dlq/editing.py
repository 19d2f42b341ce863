"""`forwarder dlq edit`: another event in the place of one that Rokt did not accept."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

import typer

from producers.clock import rfc3339
from producers.errors import InvalidEvent
from producers.preparer import Preparer
from producers.producer import all_batch_settings
from producers.settings import privacy_settings
from worker.cli.audit import acting
from worker.cli.context import (
    DestinationOption,
    JsonOption,
    WhyOption,
    YesOption,
    agreed,
    buffer_of,
    environment,
    out,
    plain,
    print_json,
)
from worker.cli.dlq.filters import AccountOption, queue
from worker.cli.dlq.in_editor import InEditor, Unchanged, read
from worker.connection.client import with_redis
from worker.dead_letters.editing import Change, Editor, Opened, chosen_of
from worker.dead_letters.letter import Letter
from worker.dead_letters.paths import parse, setting, with_set, without
from worker.operating.audit import operator

Answer = TypeVar("Answer")
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", "-s", metavar="PATH=VALUE", help="objectData[name=amount].value=12.50; may be given again."),
]
UnsetOption = Annotated[list[str] | None, typer.Option("--unset", metavar="PATH", help="Take it out; after all --set.")]


def edit(
    event_id: Annotated[str, typer.Argument(metavar="ID", help="The event's id.")],
    destination: DestinationOption = None,
    account: AccountOption = None,
    number: Annotated[str | None, typer.Option("--number", help="Which letter, where the event has several.")] = None,
    values: SetOption = None,
    gone: UnsetOption = None,
    file: Annotated[str | None, typer.Option("--file", "-f", help="The whole event, as JSON; - is stdin.")] = None,
    why: WhyOption = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check it, show the difference, change nothing.")] = False,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Change the event of a dead letter: by --set and --unset, from a file, or else in $VISUAL or $EDITOR."""
    if file is not None and (values or gone):
        raise typer.BadParameter("says the whole event: give no --set or --unset beside it", param_hint="--file")
    letters = _with_editor(lambda editor: editor.named(event_id, queue(destination)))
    opened = _one(chosen_of(letters, account, number), event_id)
    try:
        change = _changed(opened, values or [], gone or [], file)
    except InvalidEvent as error:
        _refused(opened, error, as_json)
    except Unchanged as error:
        typer.echo(f"{error}: nothing was changed", err=True)
        raise typer.Exit(1) from None
    if not change.anything or dry_run:
        _tell(change, as_json, edited=False, dry_run=dry_run)
        return
    if not as_json:
        _show(change)
    if not agreed(f"put this in the place of the dead letter {plain(event_id)}?", yes):
        raise typer.Exit(1)
    _put(change, why)
    _tell(change, as_json, edited=True)


def _put(change: Change, why: str) -> None:
    """Nothing is noted where it is known that nothing can be changed."""
    _with_editor(lambda editor: editor.ready(change))
    with acting(buffer_of(environment()), "dlq edit", change.details, why) as told:
        told["edited"] = 0
        _with_editor(lambda editor: editor.edit(change, by=operator(), why=why))
        told["edited"] = 1


def _with_editor(work: Callable[[Editor], Awaitable[Answer]]) -> Answer:
    """With what checks an event as the producers of this environment do. Consent is asked for at the replay."""
    environ = environment()
    buffer, preparer = buffer_of(environ), Preparer(all_batch_settings(environ), privacy_settings(environ))
    return asyncio.run(with_redis(buffer.redis_url, lambda redis: work(Editor(redis, buffer, preparer))))


def _one(chosen: Sequence[Opened], event_id: str) -> Opened:
    """The letter that is meant. Ends the command if there is none, or more than one."""
    if len(chosen) == 1:
        return chosen[0]
    if not chosen:
        typer.echo(f"no dead letter has the id {plain(event_id)}, as it is asked for", err=True)
        raise typer.Exit(1)
    many = f"{len(chosen)} dead letters have the id {plain(event_id)}"
    typer.echo(f"{many}; name one by --destination, --account or --number:", err=True)
    for each in chosen:
        typer.echo(f"  {_told(each.letter)}", err=True)
    raise typer.Exit(2)


def _told(letter: Letter) -> str:
    options = f"--destination {letter.slot.destination} --number {int(letter.number)}"
    return f"{options}  (account {plain(letter.of.account)}, {plain(letter.code)}, {rfc3339(letter.died_at)})"


def _changed(opened: Opened, values: list[str], gone: list[str], file: str | None) -> Change:
    """Raises `InvalidEvent`, or `Unchanged` where an operator gave up."""

    def check(event: Any) -> Change:
        change: Change = _with_editor(lambda editor: _checked(editor, opened, event))
        return change

    if file is not None:
        return check(read(_text_of(file), opened))
    if not values and not gone:
        return InEditor(environment(), opened, check).changed()
    event = opened.event
    for value in values:
        event = with_set(event, setting(value))
    for path in gone:
        event = without(event, parse(path))
    return check(event)


async def _checked(editor: Editor, opened: Opened, event: Any) -> Change:
    return editor.change(opened, event)


def _text_of(file: str) -> str:
    try:
        return sys.stdin.read() if file == "-" else Path(file).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise typer.BadParameter(f"{file}: {error}", param_hint="--file") from None


def _refused(opened: Opened, error: InvalidEvent, as_json: bool) -> NoReturn:
    if as_json:
        faults = [{"field": fault.field, "message": fault.message} for fault in error.faults]
        print_json({**_named(opened), "edited": False, "faults": faults})
    for fault in error.faults:
        typer.echo(plain(str(fault)), err=True)
    typer.echo("nothing was changed", err=True)
    raise typer.Exit(1)


def _named(opened: Opened) -> dict[str, Any]:
    letter = opened.letter
    return {
        "id": letter.id,
        "destination": letter.slot.destination,
        "account": letter.of.account,
        "shard": letter.slot.shard,
        "number": letter.number,
    }


def _tell(change: Change, as_json: bool, *, edited: bool, dry_run: bool = False) -> None:
    if as_json:
        rest = {"edited": edited, "event": change.event, "difference": change.difference}
        print_json({**_named(change.opened), **rest})
    elif edited:
        letter = change.opened.letter
        back = f"forwarder dlq replay {plain(letter.id)} --destination {letter.slot.destination}"
        typer.echo(f"edited; it stays a dead letter until: {back}")
    elif not change.anything:
        typer.echo("that is what it holds already: nothing was changed")
    elif dry_run:
        _show(change)
        typer.echo("it is valid; nothing was changed")


def _show(change: Change) -> None:
    """The difference, coloured on a terminal; what a stranger wrote has no say in how."""
    styles = {"+": "green", "-": "red", "@": "cyan"}
    for line in change.difference:
        out.print(plain(line), style=styles.get(line[:1], ""), markup=False, highlight=False, soft_wrap=True)
