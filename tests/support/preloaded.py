"""A command of `forwarder` as a process of its own that need not import everything anew: it is forked from a server.

The server has imported what the commands use, and none of the commands; it is started at the first need.
"""

from __future__ import annotations

import atexit
import multiprocessing
import os
import subprocess
import sys
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

PRELOADED = [
    "typer",
    "rich.console",
    "rich.progress",
    "rich.table",
    "structlog",
    "redis.asyncio",
    "producers.producer",
    "worker.dead_letters",
    "worker.erasure",
    "worker.intake.broker",
    "worker.status",
]
_SERVER = multiprocessing.get_context("forkserver")
_SERVER.set_forkserver_preload(PRELOADED)


def run(
    arguments: Sequence[str], env: Mapping[str, str], folder: Path, given: bytes, within_s: float
) -> subprocess.CompletedProcess[bytes]:
    """As `subprocess.run` with captured output, and with its `TimeoutExpired`."""
    with TemporaryDirectory() as files:
        Path(files, "in").write_bytes(given)
        process = _SERVER.Process(target=_command, args=(list(arguments), dict(env), str(folder), files))
        process.start()
        process.join(within_s)
        if process.is_alive():
            process.kill()
            process.join()
            raise subprocess.TimeoutExpired(list(arguments), within_s)
        status = process.exitcode if process.exitcode is not None else 1
        return subprocess.CompletedProcess(
            list(arguments), status, Path(files, "out").read_bytes(), Path(files, "err").read_bytes()
        )


def _command(arguments: list[str], env: dict[str, str], folder: str, files: str) -> None:
    """In the new process: what the console script does, on its own files."""
    os.environ.clear()
    os.environ.update(env)
    os.chdir(folder)
    sys.path[:0] = [each for each in env.get("PYTHONPATH", "").split(os.pathsep) if each]
    for fd, (name, flags) in enumerate((("in", os.O_RDONLY), ("out", _NEW), ("err", _NEW))):
        os.dup2(os.open(os.path.join(files, name), flags, 0o600), fd)
    sys.stdin, sys.stdout, sys.stderr = open(0), open(1, "w"), open(2, "w")  # noqa: SIM115 - for as long as it lives
    sys.argv = ["forwarder", *arguments]
    os._exit(_ended())


_NEW = os.O_WRONLY | os.O_CREAT | os.O_TRUNC


def _ended() -> int:
    """The status with which an interpreter would have ended."""
    from worker.cli import main

    status = 0
    try:
        main()
    except SystemExit as end:
        if isinstance(end.code, str):
            sys.stderr.write(end.code + "\n")
        status = end.code if isinstance(end.code, int) else int(bool(end.code))
    except BaseException:  # noqa: BLE001 - as the interpreter does
        traceback.print_exc()
        status = 1
    atexit._run_exitfuncs()  # noqa: SLF001 - which a forked process would leave out
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    return status
