"""The output of one run of a program: a file that is appended to, and the part of it that belongs to this run."""

import os
import tempfile
from pathlib import Path
from typing import IO

from worker.stack.errors import StackError

_TAIL_BYTES = 16_384


class RunLog:
    """Where one run writes. Without a path: a temporary file that vanishes with its users. Raises StackError."""

    def __init__(self, path: Path | None) -> None:
        self.file: IO[bytes] = _open(path)
        self._begin = self.file.seek(0, os.SEEK_END)

    def tail(self, lines: int = 15) -> str:
        """The last lines of this run, at most 16 KiB; empty if it said nothing."""
        size = os.fstat(self.file.fileno()).st_size
        begin = max(self._begin, size - _TAIL_BYTES)
        text = os.pread(self.file.fileno(), max(size - begin, 0), begin).decode(errors="replace")
        return "\n".join(text.rstrip().splitlines()[-lines:])


def _open(path: Path | None) -> IO[bytes]:
    if path is None:
        return tempfile.TemporaryFile(mode="a+b", buffering=0)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)  # a log is not everybody's to read
    except OSError as error:
        raise StackError(f"the log {path} cannot be opened: {error}") from error
    return os.fdopen(descriptor, "a+b", buffering=0)
