"""`forwarder enqueue FILE|-`: JSON lines, one event a line, or CSV of addresses; for real, or as a dry run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from producers import EnqueueFailed, Fate, InvalidEvent, Producer
from producers.lines import Line
from producers.settings import PATIENT
from worker.cli.context import JsonOption, environment, err, print_json
from worker.cli.files import opened
from worker.cli.lines_of_file import ACTIONS, LONGEST, Counted, Read, UnusableFile, csv_lines, json_lines

CHUNK = 2_000
CHUNK_BYTES = 8_000_000
Send = Callable[[Sequence[Line]], Sequence[InvalidEvent | EnqueueFailed | Fate | None]]


class Tally:
    """The counts so far. Faults are told as they come, in the order of the lines."""

    def __init__(self, is_csv: bool = False) -> None:
        self.accepted = self.duplicates = self.refused = self.failed = self.without = self.spooled = 0
        self._is_csv = is_csv

    def taken(self, fate: Fate | None) -> None:
        """None: a dry run, which knows no fate."""
        if fate is Fate.DUPLICATE:
            self.duplicates += 1
        else:
            self.accepted += 1
            self.spooled += fate is Fate.SPOOLED

    def fault(self, number: int, error: InvalidEvent) -> None:
        self.refused += 1
        told = _by_column(error) if self._is_csv else error
        typer.echo(f"line {number}: {told}", err=True)

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

    def held(self, reasons: Mapping[str, int]) -> None:
        """Requests that a worker could not make as things are: why, and how many."""
        for reason, requests in reasons.items():
            self.without += requests
            typer.echo(f"{_counted(requests, 'request')} would be held back: {reason}", err=True)

    def report(self, *, as_json: bool, requests: int | None) -> None:
        """The counts; 1 if anything was wrong. `requests`: those of a dry run, whose output is the requests alone."""
        if self._is_csv and not (self.accepted or self.duplicates or self.refused or self.failed):
            typer.echo("the file holds a header and no rows", err=True)
        if requests is not None:
            told = f"{_counted(self.accepted, 'good line')}, {self.refused} refused, {_counted(requests, 'request')}"
            typer.echo(f"{told}; nothing was sent", err=True)
        elif as_json:
            counts = {"accepted": self.accepted, "duplicates": self.duplicates}
            print_json({**counts, "refused": self.refused, "failed": self.failed})
        else:
            duplicates = f", {_counted(self.duplicates, 'duplicate')}" if self.duplicates else ""
            failed = ", Redis failed" if self.failed else ""
            typer.echo(f"{self.accepted} accepted{duplicates}, {self.refused} refused{failed}")
        if self.spooled:
            told = f"{self.spooled} of them wait in the spool until Redis takes them: forwarder spool flush"
            typer.echo(told, err=True)
        if self.refused or self.failed or self.without:
            raise typer.Exit(1)


def enqueue(
    file: Annotated[Path, typer.Argument(help="JSON lines, CSV (by its suffix), or - for standard input.")],
    as_json: JsonOption = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="It is CSV, whatever it is called.")] = False,
    account: Annotated[str, typer.Option(help="CSV: the account, where no column names it.")] = "",
    action: Annotated[str, typer.Option(help="CSV: include or exclude, where no column says.")] = "",
    list_: Annotated[str, typer.Option("--list", help="CSV: the list, where no column names it.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the requests it would make; send nothing.")] = False,
) -> None:
    """Enqueue events from a file, one JSON object a line, or addresses for `audience` from CSV.

    A line: {"destination": "event-api", "account": "…", "event": {…}}. CSV: a header row of account, action, list,
    email and sha256, in any order. Bad lines are reported by their number; the good ones still go, and the exit status
    is 1.
    """
    defaults = _defaults(account, action, list_)
    is_csv = as_csv or file.suffix.lower() == ".csv"
    if any(defaults.values()) and not is_csv:
        raise typer.BadParameter("--account, --action and --list are for CSV")
    tally = Tally(is_csv)
    with opened(file) as (stream, size), _progress(None if dry_run else size) as progress:
        source = Counted(stream, LONGEST if is_csv else -1)
        reads = csv_lines(source, defaults) if is_csv else json_lines(source)
        bar = progress.add_task("enqueue", total=size)
        try:
            chunks = _chunks(reads, source, lambda done: progress.update(bar, completed=done))
            requests = _forward(chunks, tally, dry_run)
        except UnusableFile as error:
            raise typer.BadParameter(f"{file}: {error}", param_hint="FILE") from None
    tally.report(as_json=as_json, requests=requests)


def _forward(chunks: Iterator[list[Read]], tally: Tally, dry_run: bool) -> int | None:
    """All chunks, until Redis fails. Gives the number of requests that a dry run made."""
    environ = environment()
    if not dry_run:
        producer = Producer.from_env({**PATIENT, **environ})
        _send_all(chunks, lambda lines: [each.error or each.fate for each in producer.enqueue_many(lines)], tally)
        return None
    from worker.dry_run import DryRun

    dry = DryRun.from_env(environ, print_json)
    _send_all(chunks, dry.send, tally)
    dry.finish()
    tally.held(dry.held)
    return dry.requests


def _send_all(chunks: Iterator[list[Read]], send: Send, tally: Tally) -> None:
    for chunk in chunks:
        _send(send, chunk, tally)
        if tally.failed:
            return


def _send(send: Send, chunk: list[Read], tally: Tally) -> None:
    """Sends the lines of a chunk; every fault of it is told in the order of the lines."""
    answers = iter(send([line for _, line in chunk if isinstance(line, Line)]))
    failed: list[tuple[int, EnqueueFailed]] = []
    for number, line in chunk:
        answer = line if isinstance(line, InvalidEvent) else next(answers)
        if answer is None or isinstance(answer, Fate):
            tally.taken(answer)
        elif isinstance(answer, InvalidEvent):
            tally.fault(number, answer)
        else:
            failed.append((number, answer))
    if failed:
        tally.failures(failed)


def _chunks(reads: Iterator[Read], source: Counted, moved: Callable[[int], object]) -> Iterator[list[Read]]:
    """So many lines or bytes at a time that memory does not grow with the file."""
    chunk: list[Read] = []
    start = source.bytes
    for read in reads:
        chunk.append(read)
        if len(chunk) >= CHUNK or source.bytes - start >= CHUNK_BYTES:
            yield chunk
            chunk, start = [], source.bytes
            moved(start)
    yield chunk


def _defaults(account: str, action: str, list_: str) -> Mapping[str, str]:
    if action and action not in ACTIONS:
        raise typer.BadParameter(f"must be one of {', '.join(ACTIONS)}", param_hint="--action")
    return {"account": account.strip(), "action": action, "list": list_.strip()}


def _progress(size: int | None) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    return Progress(*columns, console=err, transient=True, disable=not err.is_terminal or size is None)


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"


def _by_column(error: InvalidEvent) -> str:
    """The faults by the column's name, as the file has it."""
    return "; ".join(str(fault._replace(field=fault.field.removeprefix("event."))) for fault in error.faults)
