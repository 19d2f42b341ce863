"""`forwarder dlq export|import`: letters as JSON lines, to be kept elsewhere and brought back as they were."""

from __future__ import annotations

import os
import sys
from codecs import BOM_UTF8
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, BinaryIO

import typer
from redis.exceptions import RedisError
from rich.progress import Progress

from producers.errors import InvalidEvent
from producers.preparer import Preparer
from producers.settings import BufferSettings, privacy_settings
from worker.cli.audit import acting
from worker.cli.context import JsonOption, WhyOption, buffer_of, environment, err, print_json
from worker.cli.dlq.filters import AllOption, filtered
from worker.cli.dlq.shared import on_queues
from worker.cli.files import opened
from worker.dead_letters import DeadLetters, Filter
from worker.dead_letters.carried import letter_in, line_of
from worker.dead_letters.importing import Importing, NoRoom

OutputOption = Annotated[Path | None, typer.Option("--output", "-o", help="A new file; else standard output.")]
FileArgument = Annotated[Path, typer.Argument(metavar="FILE|-", help="JSON lines of dlq export, or - for stdin.")]


@filtered
def export(
    chosen: Filter,
    output: OutputOption = None,
    everything: AllOption = False,  # noqa: ARG001 - what it does anyway, said as to the commands beside it
    why: WhyOption = "",
    as_json: JsonOption = False,
) -> None:
    """Write dead letters as JSON lines, oldest first, with all that it takes to import them again. They stay."""
    buffer = buffer_of(environment())
    with acting(buffer, "dlq export", chosen.told(), why) as told, _written(output) as stream:
        exported = told["exported"] = on_queues(lambda queues: _export(queues, chosen, stream))
    if as_json and output:
        print_json({"exported": exported})
    else:
        typer.echo(f"{exported} exported", err=True)


def import_(file: FileArgument, why: WhyOption = "", as_json: JsonOption = False) -> None:
    """Bring dead letters back from a file, with their ids and times; those that are there already are passed over.

    A line with faults is named by its number; the others are imported, and the exit status is 1.
    """
    buffer = buffer_of(environment())
    with opened(file) as (stream, size), acting(buffer, "dlq import", {}, why) as told, _progress(size) as progress:
        bar = progress.add_task("import", total=size)
        taking = _Taking(stream, buffer, lambda read: progress.update(bar, advance=read))
        try:
            on_queues(taking.all)
        finally:
            told.update(taking.counts)  # also of one that is broken off
    if as_json:
        print_json(taking.counts)
    else:
        typer.echo("{imported} imported, {known} were there already, {refused} refused".format_map(taking.counts))
    if taking.counts["refused"] or taking.failed:
        raise typer.Exit(1)


class _Taking:
    """One import, line by line. `failed`: what Redis said when it did not take all of it."""

    def __init__(self, stream: BinaryIO, buffer: BufferSettings, moved: Callable[[int], object]) -> None:
        self._stream = stream
        self._buffer = buffer
        self._moved = moved
        self._refused = 0
        self.counts = {"imported": 0, "known": 0, "refused": 0}
        self.failed = False

    async def all(self, queues: DeadLetters) -> None:
        importing = queues.importing(Preparer({}, privacy_settings(environment())))
        try:
            for number, line in enumerate(self._stream, start=1):
                await self._take(importing, number, line)
            await importing.finish()
        except (NoRoom, RedisError) as error:
            self.failed = True
            typer.echo(f"{error}: what comes after that was not imported; import the file again then", err=True)
        self.counts = {"imported": importing.imported, "known": importing.known, "refused": self._refused}

    async def _take(self, importing: Importing, number: int, line: bytes) -> None:
        self._moved(len(line))
        line = line.removeprefix(BOM_UTF8) if number == 1 else line
        if not line.strip():
            return
        try:
            await importing.add(letter_in(line, self._buffer))
        except InvalidEvent as error:
            self._refused += 1
            typer.echo(f"line {number}: {error}", err=True)


def _progress(size: int | None) -> Progress:
    return Progress(console=err, transient=True, disable=not err.is_terminal or size is None)


async def _export(queues: DeadLetters, chosen: Filter, stream: BinaryIO) -> int:
    count = 0
    async for letter in queues.find(chosen, oldest_first=True):
        stream.write(line_of(letter) + b"\n")
        count += 1
    return count


@contextmanager
def _written(output: Path | None) -> Iterator[BinaryIO]:
    """Standard output, or a file that is there once it is whole. Nobody else may read it: it holds personal data."""
    if output is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    part = output.with_name(output.name + ".part")
    if output.exists():
        raise typer.BadParameter(f"{output} is there already", param_hint="--output")
    try:
        stream = os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")
    except OSError as error:
        raise typer.BadParameter(f"{output}: {error.strerror}", param_hint="--output") from None
    with stream:
        yield stream
        stream.flush()
        os.fsync(stream.fileno())
    part.rename(output)
