"""`forwarder dlq replay`: letters are sent again, by the workers."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import Annotated, Any

import typer
from rich.table import Table

from producers.clock import now_ms
from worker.cli.audit import acting, audited
from worker.cli.context import JsonOption, WhyOption, YesOption, agreed, buffer_of, environment, out, print_json
from worker.cli.dlq.filters import filtered
from worker.cli.dlq.following import follow, names_of, on_replays
from worker.cli.dlq.shared import on_queues, shown_plain, tell_missing
from worker.dead_letters import DeadLetters, Filter, Replayed
from worker.intake.letters import NAME as INTAKE
from worker.operating.audit import BEGUN, operator
from worker.replay import Progress
from worker.replay.preview import Preview
from worker.replay.record import new_id


def _finite(rate: float | None) -> float | None:
    """Neither inf nor nan, which Python reads as numbers."""
    if rate is not None and not isfinite(rate):
        raise typer.BadParameter("is no number of letters")
    return rate


@filtered(named=True)
def replay(
    chosen: Filter,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Tell what would be moved, and change nothing.")] = False,
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many letters, the oldest first.")] = None,
    rate: Annotated[
        float | None,
        typer.Option(min=0.1, callback=_finite, help="Letters a second. [default: FORWARDER_REPLAY_RATE]"),
    ] = None,
    detach: Annotated[bool, typer.Option("--detach", help="Do not wait for its end.")] = False,
    why: WhyOption = "",
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Send dead letters again, with their first ids and times; returns when every chosen one was moved.

    The workers do it, a few at a time beside what is live; Ctrl-C leaves it to them. Without one this command does.
    """
    on_queues(_nothing)  # wrong settings are told before anything else
    seen = on_replays(lambda replays: replays.preview(chosen, limit))
    missing = [event_id for event_id in chosen.ids if event_id not in seen.ids]
    if dry_run:
        _tell_preview(seen, missing, as_json)
        tell_missing(missing)
        return
    _warn(seen)
    total = seen.movable.total()
    if total and not agreed(f"replay {total} dead letters?", yes):
        raise typer.Exit(1)
    told = {**chosen.told(), **({"limit": limit} if limit else {})}
    again = _reentered(chosen, seen, told, why)
    started = _begun(chosen, seen, told, why, limit, rate)
    if started and detach:
        _tell_detached(started, total, as_json)
        tell_missing(missing)
        return
    progress = follow(started) if started else None
    ended = again.plus(_replayed(progress)) if progress else again
    _tell(ended, missing, as_json)
    tell_missing(missing)
    if ended.undecided:
        raise typer.Exit(1)


async def _nothing(_queues: DeadLetters) -> None:
    """Only so that the queues are opened."""


def _begun(
    chosen: Filter, seen: Preview, told: Mapping[str, Any], why: str, limit: int | None, rate: float | None
) -> str | None:
    """Its id; None if there is nothing for the workers. Whoever runs it tells the audit how it ended."""
    letters = sum(count for slot, count in seen.shares.items() if slot.destination != INTAKE)
    if not letters:
        return None
    replay = new_id(now_ms())
    begun = {**told, "replay": replay, "chosen": letters}
    audited(buffer_of(environment()), "dlq replay" + BEGUN, begun, why, replay)
    return on_replays(
        lambda replays: replays.start(chosen, by=operator(), why=why, limit=limit, rate=rate, seen=seen, replay=replay)
    )


def _reentered(chosen: Filter, seen: Preview, told: Mapping[str, Any], why: str) -> Replayed:
    """Messages of the intake are enqueued anew, by this command."""
    share = sum(count for slot, count in seen.shares.items() if slot.destination == INTAKE)
    if not share:
        return Replayed()

    async def work(queues: DeadLetters) -> Replayed:
        places = await queues.choose(chosen._replace(destination=INTAKE))
        return await queues.replay(places[:share])

    with acting(buffer_of(environment()), "dlq replay", {**told, "destination": INTAKE, "chosen": share}, why) as noted:
        done = on_queues(work)
        noted.update(_counts(done))
    return done


def _replayed(progress: Progress) -> Replayed:
    return Replayed(progress.moved, progress.withheld, names_of(progress) if progress.undecided else ())


def _counts(ended: Replayed) -> dict[str, int]:
    rest = {"withheld": ended.withheld, "undecided": len(ended.undecided)}
    return {"replayed": ended.moved, **{name: count for name, count in rest.items() if count}}


def _warn(seen: Preview) -> None:
    if older := seen.overtaken.total():
        typer.echo(f"{older} of them go past newer changes of their list, which they may undo", err=True)
    if old := seen.expired.total():
        typer.echo(f"{old} are too old for their API by now, and stay where they are", err=True)


def _tell_preview(seen: Preview, missing: list[str], as_json: bool) -> None:
    rows = seen.rows()
    sums = {name: sum(row[name] for row in rows) for name in ("would_move", "expired", "overtaken")}
    if as_json:
        print_json({**sums, "missing": missing, "by": rows})
        return
    table = Table("destination", "account", "code", "would move", "expired", "overtaken")
    for row in rows:
        table.add_row(*(shown_plain(str(value)) for value in row.values()))
    table.add_section()
    table.add_row("", "", "", *(str(value) for value in sums.values()))
    out.print(table)


def _tell_detached(replay_id: str, total: int, as_json: bool) -> None:
    if as_json:
        print_json({"replay": replay_id, "chosen": total})
    else:
        typer.echo(f"{replay_id} has begun, over {total} letters; forwarder dlq replays {replay_id} shows it")


def _tell(ended: Replayed, missing: list[str], as_json: bool) -> None:
    """`withheld` and `undecided` are there only where consent is asked for, and was not given."""
    if as_json:
        rest: dict[str, Any] = {"withheld": ended.withheld, "undecided": list(ended.undecided)}
        print_json({"replayed": ended.moved, "missing": missing, **{name: each for name, each in rest.items() if each}})
    else:
        withheld = f", {ended.withheld} withheld and discarded" if ended.withheld else ""
        typer.echo(f"{ended.moved} replayed{withheld}")
    for event_id in ended.undecided:
        typer.echo(f"the consent callback raised for {event_id}, which stays a dead letter", err=True)
