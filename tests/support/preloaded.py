"""A command of `forwarder` as a process of its own, forked from the server of `tests.support.forkserver`.

The server has imported what the commands use, and none of the commands.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.support.forkserver import SERVER, become


def run(
    arguments: Sequence[str], env: Mapping[str, str], folder: Path, given: bytes, within_s: float
) -> subprocess.CompletedProcess[bytes]:
    """As `subprocess.run` with captured output, and with its `TimeoutExpired`."""
    with TemporaryDirectory() as files:
        Path(files, "in").write_bytes(given)
        process = SERVER.Process(target=_command, args=(list(arguments), dict(env), str(folder), files))
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
    sys.path[:0] = [each for each in env.get("PYTHONPATH", "").split(os.pathsep) if each]
    named = (("in", os.O_RDONLY), ("out", _NEW), ("err", _NEW))
    opened = [os.open(os.path.join(files, name), flags, 0o600) for name, flags in named]
    become(_main, ["forwarder", *arguments], env, folder, opened)


_NEW = os.O_WRONLY | os.O_CREAT | os.O_TRUNC


def _main() -> None:
    from worker.cli import main

    main()
