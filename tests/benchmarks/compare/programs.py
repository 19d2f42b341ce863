"""A program that the benchmark talks with: lines to its standard input, lines of JSON from its standard output.

In a process group of its own, ended by its number; with this process it ends in any case. Workers, which are not talked
with, are children of `worker.stack.child`.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from tests.unit.imports import ROOT
from worker.stack.spawn import tethered

_GRACE_S = 5.0


class Broken(Exception):
    """A program ended, or was silent for too long: there is no figure of this run."""


class Program:
    """Started when made. `log`: where its standard error goes."""

    def __init__(self, name: str, argv: Sequence[str], env: Mapping[str, str], log: Path) -> None:
        self.name = name
        self._log = log
        with log.open("ab") as errors:
            self._process = subprocess.Popen(
                tethered(argv[0], argv, env, signal.SIGKILL),
                env=dict(env),
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                bufsize=0,
                start_new_session=True,
            )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._in, self._out = self._process.stdin, self._process.stdout
        self._read = b""

    @property
    def pid(self) -> int:
        return self._process.pid

    def ask(self, question: str, within_s: float = 60) -> Any:
        """Its answer."""
        self.say(question)
        return self.hear(within_s)

    def say(self, line: str) -> None:
        try:
            self._in.write(line.encode() + b"\n")
        except BrokenPipeError:
            raise Broken(f"{self.name} ended: {self.log_tail()}") from None

    def hear(self, within_s: float = 60) -> Any:
        """Its next line."""
        ends = time.monotonic() + within_s
        with selectors.DefaultSelector() as selector:
            selector.register(self._out, selectors.EVENT_READ)
            while b"\n" not in self._read:
                if not selector.select(max(0.0, ends - time.monotonic())):
                    raise Broken(f"{self.name} said nothing within {within_s:g} s: {self.log_tail()}")
                if not (chunk := os.read(self._out.fileno(), 65_536)):
                    raise Broken(f"{self.name} ended: {self.log_tail()}")
                self._read += chunk
        line, _, self._read = self._read.partition(b"\n")
        return json.loads(line)

    def log_tail(self) -> str:
        return self._log.read_text(errors="replace")[-1_500:].strip()

    def end(self) -> None:
        """By the end of its input; after a while, or what else is in its group, by force."""
        self._in.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_GRACE_S)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._out.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()
