"""`forwarder dlq discard`: dead letters are given up, after a look at what would go."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Annotated, Any

import typer
from rich.progress import Progress

from producers.clock import rfc3339
from worker.cli.audit import acting
from worker.cli.context import (
    JsonOption,
    WhyOption,
    YesOption,
    agreed,
    asks,
    buffer_of,
    environment,
    err,
    plain,
    print_json,
)
from worker.cli.dlq.filters import filtered
from worker.cli.dlq.shared import on_queues, tell_missing
from worker.dead_letters import Filter
from worker.dead_letters.choice import Choice

MOST_GROUPS = 20


@filtered(named=True)
def discard(
    chosen: Filter,
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many: the oldest.")] = None,
    why: WhyOption = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say which would go, and change nothing.")] = False,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Give dead letters up for good. Asks first on a terminal, and says what would go."""
    found = on_queues(lambda queues: queues.choice(chosen, limit))
    if dry_run:
        _would(found, as_json)
        return
    if found.total and asks(yes):
        _summary(found)
        if not agreed(f"discard {found.total} dead letters for good?", yes):
            raise typer.Exit(1)
    discarded = _discard(chosen, found, limit, why) if found.total else 0
    if as_json:
        print_json({"discarded": discarded, "missing": list(found.missing)})
    else:
        typer.echo(f"{discarded} discarded")
    tell_missing(found.missing)


def _discard(chosen: Filter, found: Choice, limit: int | None, why: str) -> int:
    """How many there still were. If it is broken off, the audit has how many went until then."""
    details = {**chosen.told(), **({"limit": limit} if limit else {}), "chosen": found.total}
    with (
        acting(buffer_of(environment()), "dlq discard", details, why) as told,
        Progress(console=err, transient=True, disable=not err.is_terminal) as progress,
    ):
        bar = progress.add_task("discard", total=found.total)
        told["discarded"] = 0

        def moved(count: int) -> None:
            told["discarded"] += count
            progress.update(bar, advance=count)

        on_queues(lambda queues: queues.discard_choice(chosen, found, moved))
    return int(told["discarded"])


def _would(found: Choice, as_json: bool) -> None:
    if as_json:
        print_json({"would_discard": found.total, **found.shown()})
    else:
        _summary(found, out=True)
    tell_missing(found.missing)


def _summary(found: Choice, *, out: bool = False) -> None:
    for line in _lines(found):
        typer.echo(line, err=not out)


def _lines(found: Choice) -> Iterator[str]:
    if not found.total:
        yield "nothing would be discarded"
        return
    shown: dict[str, Any] = found.shown()
    yield f"{found.total} dead letters, which died from {rfc3339(found.oldest)} to {rfc3339(found.newest)}:"
    for group in islice(shown["by"], MOST_GROUPS):
        account = f", account {plain(group['account'])}" if group["account"] else ""
        yield f"  {group['letters']} of {group['destination']}{account}: {plain(group['code'])}"
    if len(shown["by"]) > MOST_GROUPS:
        yield f"  and others, of {len(shown['by']) - MOST_GROUPS} more accounts or codes"
