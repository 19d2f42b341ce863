"""Celery workers and sandboxes of the tests, forked instead of started: the import of Celery is half of a start.

All that is ours they import anew, since it reads the environment and makes memory that a worker shares with its pool.
What they are to the test is what `worker.stack.spawn` makes of them: in a session of their own, ended with the tests.
`tests/shutdown` and `forwarder up` start theirs in the usual way.
"""

from __future__ import annotations

import ctypes
import os
import runpy
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from functools import partial
from multiprocessing import connection, popen_forkserver, reduction, resource_tracker
from typing import IO, Any

from tests.support.forkserver import SERVER, become
from tests.unit.imports import ROOT
from worker.stack import parts
from worker.stack.spawn import Process, spawn
from worker.stack.tether import PR_SET_PDEATHSIG

FORKED = (parts.python("-m", "celery"), parts.python("-m", "worker.sandbox"))
OURS = ("worker", "producers", "tests")


def start(program: str, argv: Sequence[str], **how: Any) -> Process | Forked:
    """In the place of `worker.stack.spawn.spawn`; what it cannot fork it starts."""
    if list(argv[:4]) in FORKED and sys.platform.startswith("linux"):
        return Forked(argv, **how)
    return spawn(program, argv, **how)


class Forked:
    """What a `Child` needs of a `subprocess.Popen`."""

    def __init__(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None,
        stdout: IO[bytes] | int,
        stderr: IO[bytes],
        death_signal: int,
        keep_open: Sequence[int],
    ) -> None:
        assert not keep_open
        ours, theirs = os.pipe() if stdout == subprocess.PIPE else (None, None)
        out = _Fd(theirs if theirs is not None else stdout.fileno())  # type: ignore[union-attr]
        how = (list(argv[3:]), dict(os.environ if env is None else env), os.getcwd(), int(death_signal))
        process = SERVER.Process(target=_program, args=(*how, out, _Fd(stderr.fileno())))
        self._popen = popen_forkserver.Popen(process)  # not `start`, which looks after all others too
        self.pid: int = self._popen.pid
        self._lock = threading.Lock()
        self.stdout = None if ours is None else os.fdopen(ours, "rb")
        if theirs is not None:
            os.close(theirs)

    def poll(self) -> int | None:
        with self._lock:
            status: int | None = self._popen.poll()
            return status

    def wait(self, timeout: float | None = None) -> int | None:
        if not connection.wait([self._popen.sentinel], timeout):
            raise subprocess.TimeoutExpired("a forked program", timeout or 0)
        return self.poll()


class _Fd:
    """A file descriptor that goes to the new process."""

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def __reduce__(self) -> Any:
        return _received, (reduction.DupFd(self._fd),)


def _received(duplicate: Any) -> int:
    fd: int = duplicate.detach()
    return fd


def _program(argv: list[str], env: dict[str, str], folder: str, death_signal: int, out: int, err: int) -> None:
    """In the new process: what an interpreter does with `-P -m MODULE …`."""
    os.setsid()
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, death_signal, 0, 0, 0)
    for name in [name for name in sys.modules if name.partition(".")[0] in OURS]:
        del sys.modules[name]
    given = [each for each in env.get("PYTHONPATH", "").split(os.pathsep) if each]
    sys.path[:] = given + [each for each in sys.path if each not in ("", str(ROOT))]
    nothing = os.open(os.devnull, os.O_RDONLY)
    become(partial(_run, argv[0]), argv, env, folder, (nothing, out, err))


def _run(module: str) -> None:
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))  # the server's too, which else would not end before this one
    resource_tracker._resource_tracker._fd = None  # type: ignore[attr-defined]  # noqa: SLF001 - it was among them
    runpy.run_module(module, run_name="__main__", alter_sys=True)
