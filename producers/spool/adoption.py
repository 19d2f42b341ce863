"""Orphans: files whose process has ended. Whoever gets the lock of one brings its events to Redis."""

from __future__ import annotations

import logging
import os
import socket
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path

from producers.appender import Appender
from producers.effects import effect
from producers.spool.file import FORMAT, SpoolFile, Sync, is_corrupt
from producers.spool.flusher import Flusher, Told
from producers.spool.folder import Folder, set_aside
from producers.spool.forks import BACKGROUND
from producers.spool.home import Home
from producers.spool.lock import OwnerLock
from producers.spool.rows import Waiting

LOG = logging.getLogger("producers.spool")


class Adopted:
    """An orphan that is ours now, until it is empty or this process ends, too."""

    def __init__(
        self,
        file: SpoolFile,
        to: Appender,
        tell: Callable[[Told], None],
        stopped: Callable[[], bool],
        *,
        soon: bool = False,
    ) -> None:
        self.file = file
        self.name, self.lanes, self.head = file.path.name, file.lanes, file.head
        self._flusher = Flusher(self, to, tell, stopped, soon=soon)

    def go(self) -> float:
        """One turn; seconds until the next one, infinite if nothing waits. Raises sqlite3.Error."""
        wait = self._flusher.go()
        self.file.checkpoint(BACKGROUND)
        return wait

    def settle(self, taken: Sequence[Waiting], refused: Sequence[tuple[Waiting, str]]) -> None:
        with BACKGROUND:
            self.file.settle(taken, refused)

    def leave(self) -> bool:
        """Removes it if nothing is left in it, else gives it back; whether it is gone."""
        gone = not self.file.any_left()
        self.file.close(remove=gone)
        return gone


class Foreign(Exception):
    """A file that is not for us, and why."""


def adopted(database: Path, home: Home, sync: Sync) -> SpoolFile | None:
    """The file, if its process has ended and it can be read; else None. Raises `Foreign`, OSError or sqlite3.Error."""
    with BACKGROUND:  # so that no child is forked with a lock of which it does not know
        lock = OwnerLock.taken(database)
        if lock is None:
            return None
        if not database.exists():
            lock.release(remove=True)
            return None
        with effect("spool adopt"):
            return _opened(database, lock, home, sync)


def _opened(database: Path, lock: OwnerLock, home: Home, sync: Sync) -> SpoolFile:
    try:
        return _ours(SpoolFile(database, lock, sync), home)
    except sqlite3.Error as error:
        if is_corrupt(error):
            told_aside(database, error)
        lock.release(remove=is_corrupt(error))
        raise


def _ours(file: SpoolFile, home: Home) -> SpoolFile:
    try:
        if file.format() > FORMAT:
            raise Foreign("a newer version wrote it")
        if why := home.foreign(file.about()):
            raise Foreign(why)
        file.say(host=socket.gethostname(), pid=str(os.getpid()))
    except Foreign:
        file.close()
        raise
    except sqlite3.Error:
        file.abandon()
        raise
    return file


def told_aside(database: Path, error: Exception) -> None:
    aside = set_aside(database)
    LOG.error("the spool file %s cannot be read (%s); it is kept as %s", database.name, error, aside.name)


def first_orphan(folder: Folder, home: Home, sync: Sync, leave_out: set[str]) -> SpoolFile | None:
    """The oldest orphan that something waits in; empty ones are removed on the way. Those that give trouble are told
    and added to `leave_out`."""
    folder.sweep()
    for database in folder.databases():
        if database.name in leave_out:
            continue
        try:
            file = adopted(database, home, sync)
            if file is not None and _holds_something(file):
                return file
        except Foreign as why:
            leave_out.add(database.name)
            LOG.warning("the spool file %s is left alone: %s", database.name, why)
        except (OSError, sqlite3.Error) as error:
            leave_out.add(database.name)
            LOG.warning("the spool file %s cannot be taken over: %s", database.name, error)
    return None


def _holds_something(file: SpoolFile) -> bool:
    try:
        waiting, refused = file.counts()
    except sqlite3.Error:
        file.close()
        raise
    if not waiting:
        file.close(remove=not refused)
    return bool(waiting)
