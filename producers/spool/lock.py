"""Whose a spool file is: a lock on a file beside it, which the kernel gives back when its process ends."""

from __future__ import annotations

import contextlib
import fcntl
import os
from pathlib import Path


class OwnerLock:
    """Held from `taken` to `release`. Locks of one process exclude each other, too."""

    def __init__(self, path: Path, fd: int) -> None:
        self._path = path
        self._fd = fd

    @classmethod
    def taken(cls, database: Path) -> OwnerLock | None:
        """The lock of a spool file, which need not exist; None while somebody else has it. Raises OSError."""
        path = lock_of(database)
        fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)  # not inherited by the programs that we start
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.fstat(fd).st_ino == path.stat().st_ino:  # else it was removed with its file just now
                return cls(path, fd)
        except (BlockingIOError, FileNotFoundError):
            pass
        os.close(fd)
        return None

    def release(self, *, remove: bool = False) -> None:
        """`remove`: the file that it stood for is gone."""
        if remove:
            with contextlib.suppress(OSError):
                self._path.unlink()
        self.forget()

    def forget(self) -> None:
        """In a child this leaves the lock with the parent; elsewhere nobody has it any more."""
        os.close(self._fd)


def lock_of(database: Path) -> Path:
    return database.with_name(database.name + ".lock")
