"""The folder of spool files: their names, how much it holds, and what is left of those that are gone."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import socket
import sys
import time
from pathlib import Path

from producers.spool.file import unlink
from producers.spool.lock import OwnerLock

LOOK_S = 1.0  # how often the folder is looked at for what it holds, and its disk for what is free
TIGHT_BYTES = 64_000_000  # of the disk, above what is kept
SPARE_BYTES = 1_000_000  # of the disk: to forget what Redis took needs some, too
CORRUPT = ".corrupt"
_PART = re.compile(r"(?P<name>.+\.db)(-wal|-shm|\.lock)\Z")


class Folder:
    """Knows how much of its bound is in use: by a look at the disk once a second at most, and what came since."""

    def __init__(self, path: Path, max_bytes: int) -> None:
        self.path = path
        self.max_bytes = max_bytes
        self._used = 0
        self._left = sys.maxsize  # of the disk
        self._kept = SPARE_BYTES  # of that, for the background: a checkpoint writes each WAL a second time
        self._looked_at = float("-inf")

    def make(self) -> None:
        """For its user alone, if it is not there. Raises OSError."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)

    def new_name(self) -> Path:
        host = re.sub(r"[^A-Za-z0-9.]", "-", socket.gethostname())[:60]
        return self.path / f"{host}-{os.getpid()}-{secrets.token_hex(4)}.db"

    def databases(self) -> list[Path]:
        """The oldest first; none if there is no folder, or none that can be read."""
        with contextlib.suppress(OSError), os.scandir(self.path) as entries:
            dated = [(_changed(each), each.name) for each in entries if each.name.endswith(".db")]
            return [self.path / name for _, name in sorted(dated)]
        return []

    def corrupt(self) -> list[Path]:
        return sorted(each for each in self.path.glob(f"*{CORRUPT}") if each.is_file())

    def look(self) -> None:
        """Before a commit. Where the disk gets tight an estimate of what came since the last one is not enough."""
        if self.tight or time.monotonic() - self._looked_at >= LOOK_S:
            self._look()

    def full(self, size: int, free: int) -> str:
        """Why so many bytes more do not fit; empty if they do. `free`: those of our file that wait to be used."""
        if self._used - free + size > self.max_bytes:
            return f"it holds {self._used - free} bytes; FORWARDER_SPOOL_MAX_BYTES allows {self.max_bytes}"
        if self._left - size < self._kept + size:
            return f"the disk has only {self._left} bytes left"
        return ""

    @property
    def tight(self) -> bool:
        """Whether the disk is nearly full, as far as is known."""
        return self._left - self._kept < TIGHT_BYTES

    @property
    def crowded(self) -> bool:
        """Whether half of it is in use, as far as is known."""
        return 2 * self._used > self.max_bytes

    def shrank(self) -> None:
        """A file of ours is gone: what is known is no longer true."""
        self._looked_at = float("-inf")

    def grows(self, size: int, reused: int) -> None:
        """`size` more in a WAL; `reused` of them take no room in the database."""
        self._used += size - reused
        self._left -= size
        self._kept += size

    def sweep(self) -> None:
        """Removes what a process left that was killed while it made or removed a file."""
        for database in self._without_database():
            lock = OwnerLock.taken(database)
            if lock is not None:
                gone = not database.exists()
                if gone:
                    unlink(database)
                lock.release(remove=gone)

    def _without_database(self) -> set[Path]:
        with contextlib.suppress(OSError), os.scandir(self.path) as entries:
            parts = [found for each in entries if (found := _PART.match(each.name))]
            named = {self.path / found["name"] for found in parts}
            return {database for database in named if not database.exists()}
        return set()

    def _look(self) -> None:
        sizes = self._sizes()
        self._used = sum(sizes.values())
        self._left = self._free_bytes()
        self._kept = SPARE_BYTES + sum(size for name, size in sizes.items() if name.endswith("-wal"))
        if self._left < sys.maxsize:
            self._looked_at = time.monotonic()

    def _free_bytes(self) -> int:
        """Of the disk, root's reserve left out. Before there is a folder nobody knows, and the next one looks."""
        try:
            disk = os.statvfs(self.path)
        except OSError:
            return sys.maxsize
        return disk.f_bavail * disk.f_frsize

    def _sizes(self) -> dict[str, int]:
        with contextlib.suppress(OSError), os.scandir(self.path) as entries:
            return {each.name: _size(each) for each in entries}
        return {}


def set_aside(database: Path) -> Path:
    """A file that cannot be read, under a name under which nobody looks for events; it is never removed."""
    aside = database.with_name(database.name + CORRUPT)
    for suffix in ("-wal", "-shm", ""):
        with contextlib.suppress(FileNotFoundError):
            os.replace(database.with_name(database.name + suffix), aside.with_name(aside.name + suffix))
    return aside


def _changed(entry: os.DirEntry[str]) -> float:
    try:
        return entry.stat().st_mtime
    except OSError:
        return 0.0


def _size(entry: os.DirEntry[str]) -> int:
    try:
        return entry.stat().st_size
    except OSError:
        return 0
