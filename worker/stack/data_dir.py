"""The data directory of an embedded Redis: made for its owner only, used by one server at a time."""

import contextlib
import fcntl
import os
import time
from pathlib import Path

from worker.stack.errors import DataDirBusyError, StackError

LOCK_NAME = "server.lock"
_POLL_S = 0.05


def make(path: Path) -> Path:
    """Make it, readable by the owner only (events are personal data); its absolute path. Raises StackError."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StackError(f"the data directory {path} cannot be made: {error}") from error
    return path.resolve()


class DataDirLock:
    """An flock on a file in the directory.

    The server inherits `descriptor`, and the kernel keeps the lock until the last copy is closed. So a server that
    outlives a killed parent by the moment it needs to write its last data keeps the next one away.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.descriptor: int | None = None

    def acquire(self, patience_s: float) -> int:
        """Take it and return the descriptor; wait at most `patience_s` seconds. Raises DataDirBusyError, StackError."""
        if self.descriptor is None:
            self.descriptor = self._locked(time.monotonic() + patience_s)
        return self.descriptor

    def release(self) -> None:
        """Give it back. Nothing happens without it."""
        if self.descriptor is not None:
            os.close(self.descriptor)
            self.descriptor = None

    def _locked(self, deadline: float) -> int:
        try:
            descriptor = os.open(self._folder / LOCK_NAME, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise StackError(f"the data directory {self._folder} cannot be locked: {error}") from error
        while not _try_lock(descriptor):
            if time.monotonic() >= deadline:
                owner = os.pread(descriptor, 64, 0).decode(errors="replace").strip()
                os.close(descriptor)
                raise DataDirBusyError(f"{self._folder} is used by another embedded Redis{owner and f' ({owner})'}")
            time.sleep(_POLL_S)
        with contextlib.suppress(OSError):  # a full disk: the lock holds, only the words are missing
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"started by pid {os.getpid()}\n".encode(), 0)
        return descriptor


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
