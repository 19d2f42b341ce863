"""An event in an operator's own editor: opened again with its faults on top until it is valid, or they give up."""

from __future__ import annotations

import json
import shlex
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import typer

from producers.errors import Fault, ForwarderError, InvalidEvent
from worker.cli.context import plain
from worker.dead_letters.differences import written
from worker.dead_letters.editing import Change, Opened
from worker.intake.letters import NAME as INTAKE

COMMENT = "#"


class Unchanged(ForwarderError):
    """The operator gave up, or the editor did not work."""


def read(text: str, opened: Opened) -> Any:
    """The event in a text. A message of the intake is taken as it is written. Raises `InvalidEvent`."""
    if opened.letter.slot.destination == INTAKE:
        return text.strip()
    try:
        return json.loads(text, parse_constant=_no_json)
    except json.JSONDecodeError as error:
        fault = f"is not JSON: {error.msg} (line {error.lineno}, column {error.colno})"
    except (ValueError, RecursionError):
        fault = "is not JSON"
    raise InvalidEvent([Fault("event", fault)])


class InEditor:
    """`check`: gives the change, or raises `InvalidEvent`."""

    def __init__(self, environ: Mapping[str, str], opened: Opened, check: Callable[[Any], Change]) -> None:
        self._command = _words(environ.get("VISUAL") or environ.get("EDITOR") or "")
        if not self._command:
            raise typer.BadParameter("set $VISUAL or $EDITOR, or give --set, --unset or --file", param_hint="ID")
        self._opened = opened
        self._check = check

    def changed(self) -> Change:
        """Raises `Unchanged`; `InvalidEvent` if a text with faults was closed as it was opened."""
        text, faults = written(self._opened.event) + "\n", tuple[Fault, ...]()
        while True:
            given = self._edited([*self._about(faults), text])
            if not given.strip():
                raise Unchanged("the file was empty")
            if given == text:
                if faults:
                    raise InvalidEvent(faults)
                raise Unchanged("the file was closed as it was")
            try:
                return self._check(read(given, self._opened))
            except InvalidEvent as error:
                text, faults = given, error.faults

    def _edited(self, parts: list[str]) -> str:
        """What the editor left, without the comments on top. The file is its user's alone, and gone afterwards."""
        with _orderly(), TemporaryDirectory(prefix="forwarder-") as folder:
            file = Path(folder, "event.json")
            file.touch(mode=0o600)
            file.write_text("\n".join(parts), "utf-8", "surrogatepass")
            try:
                ended = subprocess.run([*self._command, str(file)], check=False).returncode  # noqa: S603 - theirs
                left = file.read_text("utf-8", "surrogatepass")
            except (OSError, UnicodeDecodeError) as error:
                raise Unchanged(f"{self._command[0]}: {error}") from None
        if ended:
            raise Unchanged(f"{self._command[0]} ended with {ended}")
        return _without_comments(left)

    def _about(self, faults: tuple[Fault, ...]) -> Iterator[str]:
        letter = self._opened.letter
        yield f"{COMMENT} The dead letter {plain(letter.id)} of {letter.slot.destination}."
        for reason in letter.last.get("reasons", []):
            yield f"{COMMENT} Why: {plain(str(reason.get('code')))}: {plain(str(reason.get('message')))[:200]}"
        for fault in faults:
            yield f"{COMMENT} FAULT {plain(str(fault))}"
        yield f"{COMMENT} Lines up here that begin with {COMMENT} do not count."
        yield f"{COMMENT} Close it as it is, or empty, to change nothing."


def _words(command: str) -> list[str]:
    try:
        return shlex.split(command)
    except ValueError as error:
        raise typer.BadParameter(f"$VISUAL or $EDITOR is no command: {error}", param_hint="ID") from None


@contextmanager
def _orderly() -> Iterator[None]:
    """A terminal that is closed, or a SIGTERM, ends the command as Ctrl-C does: with the file removed."""

    def end(number: int, _frame: object) -> None:
        raise SystemExit(128 + number)

    before = {number: signal.signal(number, end) for number in (signal.SIGHUP, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _without_comments(text: str) -> str:
    lines = text.splitlines(keepends=True)
    first = next((place for place, line in enumerate(lines) if not line.startswith(COMMENT)), len(lines))
    return "".join(lines[first:])


def _no_json(_text: str) -> Any:
    raise ValueError
