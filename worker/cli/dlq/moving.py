"""`forwarder dlq discard`: letters that are given up."""

from __future__ import annotations

import typer
from rich.progress import Progress

from worker.cli.audit import audited
from worker.cli.context import DestinationOption, JsonOption, YesOption, agreed, buffer_of, environment, err, print_json
from worker.cli.dlq.shared import AccountOption, AllOption, CodeOption, IdsArgument, chosen_by, on_queues
from worker.dead_letters import DeadLetters, Filter


def discard(
    ids: IdsArgument = None,
    destination: DestinationOption = None,
    account: AccountOption = None,
    code: CodeOption = None,
    everything: AllOption = False,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Give dead letters up for good. An id that has no letter is a failure, told by name."""
    chosen = chosen_by(ids, destination, account, code, everything)
    places = on_queues(lambda queues: queues.choose(chosen))
    missing = on_queues(lambda queues: _missing(queues, chosen))
    if places and not agreed(f"discard {len(places)} dead letters?", yes):
        raise typer.Exit(1)
    with Progress(console=err, transient=True, disable=not err.is_terminal) as progress:
        bar = progress.add_task("discard", total=len(places))
        moved = on_queues(lambda queues: queues.discard(places, lambda count: progress.update(bar, advance=count)))
    audited(buffer_of(environment()), "dlq discard", {**chosen.told(), "discarded": moved})
    if as_json:
        print_json({"discarded": moved, "missing": missing})
    else:
        typer.echo(f"{moved} discarded")
    tell_missing(missing)


def tell_missing(missing: list[str]) -> None:
    """Raises failure if there are some."""
    for event_id in missing:
        typer.echo(f"no dead letter has the id {event_id}", err=True)
    if missing:
        raise typer.Exit(1)


async def _missing(queues: DeadLetters, chosen: Filter) -> list[str]:
    found = {letter.id async for letter in queues.find(chosen)} if chosen.ids else set()
    return [event_id for event_id in chosen.ids if event_id not in found]
