"""One supervised program."""

import atexit
import contextlib
import os
import queue
import shutil
import signal
import subprocess
import threading
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Self

from worker.stack.errors import StackError, StartError
from worker.stack.logs import RunLog
from worker.stack.spawn import Process, spawn

_started: "weakref.WeakSet[Child]" = weakref.WeakSet()


class Child:
    """One run of a program, in a session of its own: Ctrl-C in the terminal reaches only whoever supervises it.

    It receives `death_signal` when this process ends, however that happens (see `spawn`). When the program ends while
    this process lives, what is left of its process group is killed.

    `env` is its whole environment (None: this process's). Its stdout and stderr are appended to `log_path`; without
    one they go to a temporary file, from which the last lines can still be quoted. `say_ready` asks for `first_line`.
    `keep_open`: file descriptors it inherits. `grace_s`: how long `stop` waits for its end.
    To be used from one thread at a time.
    """

    def __init__(
        self,
        name: str,
        argv: Sequence[str],
        env: Mapping[str, str] | None = None,
        log_path: Path | None = None,
        *,
        say_ready: bool = False,
        death_signal: signal.Signals = signal.SIGKILL,
        keep_open: Sequence[int] = (),
        grace_s: float = 10.0,
    ) -> None:
        self.name = name
        self._argv = list(argv)
        self._env = env
        self._log = RunLog(log_path)
        self._say_ready = say_ready
        self._death_signal = death_signal
        self._keep_open = keep_open
        self._grace_s = grace_s
        self._first: queue.Queue[bytes] = queue.Queue()
        self._process: Process | None = None
        self._swept = False

    def start(self) -> Self:
        """Start it. Raises StartError if that cannot be done or was done before: a second run is a second Child."""
        if self._process is not None:
            raise StartError(f"{self.name} was started before (pid {self.pid})")
        try:
            self._process = self._spawn()
        except OSError as error:
            raise StartError(f"{self.name} cannot be started: {error}") from error
        _started.add(self)
        if self._process.stdout is not None:
            pump = (self._process.stdout, self._log, self._first)
            threading.Thread(target=_pump, args=pump, name=f"{self.name}-output", daemon=True).start()
        return self

    @property
    def pid(self) -> int:
        """Its process id, which is also that of its group. Raises StackError before `start`."""
        if self._process is None:
            raise StackError(f"{self.name} was not started")
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._process is not None and self.exit_status is None

    @property
    def exit_status(self) -> int | None:
        """None before its end; then its exit status, or minus the number of the signal that ended it."""
        if self._process is None:
            return None
        status = self._process.poll()
        if status is not None and not self._swept:
            self._swept = True  # once, and now: later the number may be another group's
            _kill_group(self._process.pid)
        return status

    def wait(self, timeout: float | None = None) -> int | None:
        """Wait at most `timeout` seconds (None: without bound) for its end; what `exit_status` says then."""
        if self._process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(timeout)
        return self.exit_status

    def stop(self, grace_s: float | None = None) -> None:
        """SIGTERM to the program; after `grace_s` seconds, or if this wait is interrupted, SIGKILL to its group."""
        try:
            if self.running:
                os.kill(self.pid, signal.SIGTERM)  # not yet reaped, so the number is still its own
                self.wait(self._grace_s if grace_s is None else grace_s)
        finally:
            self.kill()

    def kill(self) -> None:
        """SIGKILL to its whole group, and wait for its end. Nothing happens if it was not started or has ended."""
        if self.running:
            _kill_group(self.pid)
            self.wait()

    def first_line(self, timeout: float) -> str:
        """Its first line on stdout, without the line end; needs `say_ready=True`. `timeout` in seconds.

        Raises StartError if it ended, closed its stdout or said nothing in time.
        """
        if not self._say_ready:
            raise StackError(f"{self.name}: its first line is kept only with say_ready=True")
        try:
            line = self._first.get(timeout=timeout)
        except queue.Empty:
            raise StartError(f"{self.name} said nothing within {timeout:g} s{self._quoted()}") from None
        self._first.put(line)  # for the next call
        if not line:
            self.wait(1.0)  # the end of the output comes a moment before that of the program
            raise StartError(f"{self.name} did not get ready: {self.ending()}")
        return line.decode(errors="replace").rstrip("\r\n")

    def disown(self) -> None:
        """For a forked process, which is not the program's parent: it must neither wait for it nor end it."""
        self._process = None

    def ending(self) -> str:
        """How it ended (or that it runs), and its last log lines."""
        return f"{self.name} {_how(self.exit_status)}{self._quoted()}"

    def log_tail(self, lines: int = 15) -> str:
        """The last lines that it wrote."""
        return self._log.tail(lines)

    def _quoted(self) -> str:
        tail = self.log_tail()
        return f"; its last lines:\n{tail}" if tail else "; it wrote nothing"

    def _spawn(self) -> Process:
        # Not resolved: Debian's redis-server is a link to a program that looks at the name it was called by.
        program = shutil.which(self._argv[0], path=None if self._env is None else self._env.get("PATH"))
        if program is None:
            raise StartError(f"{self.name} cannot be started: there is no program {self._argv[0]}")
        return spawn(
            program,
            self._argv,
            env=self._env,
            stdout=subprocess.PIPE if self._say_ready else self._log.file,
            stderr=self._log.file,
            death_signal=self._death_signal,
            keep_open=self._keep_open,
        )


def _pump(output: IO[bytes], log: RunLog, first: "queue.Queue[bytes]") -> None:
    line = output.readline()
    log.file.write(line)
    first.put(line)
    for line in output:
        log.file.write(line)


def _kill_group(group: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):  # macOS: not permitted when only zombies are left
        os.killpg(group, signal.SIGKILL)


def _how(status: int | None) -> str:
    if status is None:
        return "runs"
    return f"ended with status {status}" if status >= 0 else f"was ended by {signal.Signals(-status).name}"


@atexit.register
def _kill_what_is_left() -> None:
    """Where the kernel does not end children with their parent, at least an orderly exit does."""
    for child in list(_started):
        child.kill()


def _disown_all() -> None:
    for child in list(_started):
        child.disown()


os.register_at_fork(after_in_child=_disown_all)
