"""`forwarder enqueue FILE|-`: JSON lines, one event a line."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Annotated, BinaryIO, NamedTuple

import typer
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from producers import EnqueueFailed, InvalidEvent, Producer
from producers.lines import Line, parse_line
from worker.cli.context import JsonOption, environment, err, print_json

CHUNK = 2_000


class Numbered(NamedTuple):
    """A line that parses, with its number in the file."""

    number: int
    line: Line


class Tally:
    """What became of the lines so far. Faults are told as they are found."""

    def __init__(self) -> None:
        self.accepted = self.refused = self.failed = 0

    def fault(self, number: int, error: Exception) -> None:
        self.refused += 1
        typer.echo(f"line {number}: {error}", err=True)

    def failures(self, failed: list[tuple[int, EnqueueFailed]]) -> None:
        """Redis failed: nothing after the first of these was tried, but an answer may be all that was lost."""
        self.failed += len(failed)
        unsure = [number for number, error in failed if error.maybe_accepted]
        reason, first = failed[0][1].reason, failed[0][0]
        if unsure:
            typer.echo(f"lines {unsure[0]} to {unsure[-1]}: {reason}: they may have been accepted", err=True)
            typer.echo(f"the lines after {unsure[-1]} were not accepted", err=True)
        else:
            typer.echo(f"line {first}: {reason}: this line and those after it were not accepted", err=True)


def enqueue(
    file: Annotated[Path, typer.Argument(help="JSON lines, or - for standard input.")],
    as_json: JsonOption = False,
) -> None:
    """Enqueue events from a file, one JSON object a line.

    A line: {"destination": "event-api", "account": "…", "event": {…}}. Bad lines are reported by their number; the good
    ones still go, and the exit status is 1.
    """
    producer = Producer.from_env(environment())
    tally = Tally()
    with _opened(file) as (stream, size), _progress(size) as progress:
        bar = progress.add_task("enqueue", total=size)
        for chunk in _chunks(stream, tally, lambda read: progress.update(bar, advance=read)):
            _send(producer, chunk, tally)
            if tally.failed:
                break
    _report(tally, as_json)


def _send(producer: Producer, chunk: list[Numbered], tally: Tally) -> None:
    failed: list[tuple[int, EnqueueFailed]] = []
    for (number, _), result in zip(chunk, producer.enqueue_many(each.line for each in chunk), strict=True):
        if result.error is None:
            tally.accepted += 1
        elif isinstance(result.error, InvalidEvent):
            tally.fault(number, result.error)
        else:
            failed.append((number, result.error))
    if failed:
        tally.failures(failed)


def _chunks(stream: BinaryIO, tally: Tally, read: object) -> Iterator[list[Numbered]]:
    lines = enumerate(stream, start=1)
    while taken := list(islice(lines, CHUNK)):
        if callable(read):
            read(sum(len(text) for _, text in taken))
        parsed = []
        for number, text in taken:
            if text.strip():
                try:
                    parsed.append(Numbered(number, parse_line(text)))
                except InvalidEvent as error:
                    tally.fault(number, error)
        yield parsed


def _report(tally: Tally, as_json: bool) -> None:
    if as_json:
        print_json({"accepted": tally.accepted, "refused": tally.refused, "failed": tally.failed})
    else:
        typer.echo(f"{tally.accepted} accepted, {tally.refused} refused" + (", Redis failed" if tally.failed else ""))
    if tally.refused or tally.failed:
        raise typer.Exit(1)


@contextmanager
def _opened(file: Path) -> Iterator[tuple[BinaryIO, int | None]]:
    if str(file) == "-":
        yield sys.stdin.buffer, None
        return
    try:
        stream = file.open("rb")
    except OSError as error:
        raise typer.BadParameter(f"{file}: {error.strerror}", param_hint="FILE") from None
    with stream:
        yield stream, file.stat().st_size


def _progress(size: int | None) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    return Progress(*columns, console=err, transient=True, disable=not err.is_terminal or size is None)
