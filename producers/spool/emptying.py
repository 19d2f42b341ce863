"""Empties a spool folder from outside: takes over what is an orphan's, and waits for those who live."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from producers.appender import Appender
from producers.spool.adoption import Adopted, first_orphan
from producers.spool.file import Sync
from producers.spool.flusher import Told
from producers.spool.folder import Folder
from producers.spool.home import Home
from producers.spool.status import BUSY_S, SpoolStatus, look

LOOK_S = 0.1
LONGEST_WAIT_S = 0.2


class Emptying:
    """One run of `forwarder spool flush`. `trouble`: what Redis said last, empty if it took what it was given."""

    def __init__(self, folder: Folder, home: Home, sync: Sync, to: Appender) -> None:
        self.flushed = 0
        self.trouble = ""
        self._folder = folder
        self._home = home
        self._sync = sync
        self._to = to
        self._left_alone: set[str] = set()

    def run(self, timeout_s: float, pause: Callable[[float], None] = time.sleep) -> list[SpoolStatus]:
        """What is left when nothing waits any more, or at the end of the time."""
        ends = time.monotonic() + timeout_s
        while True:
            self._orphans(ends)
            files = look(self._folder, self._home)
            left = [each for each in files if each.events or each.refused or each.state != "alive"]
            waits = [each for each in left if each.events and each.file not in self._left_alone]
            if not waits or time.monotonic() >= ends:
                return left
            pause(LOOK_S)

    def retry_refused(self) -> None:
        """What was refused waits again: with an owner that lives, it notices within seconds."""
        for each in look(self._folder, self._home):
            if each.refused and not each.foreign:
                _mark(self._folder.path / each.file)

    def _orphans(self, ends: float) -> None:
        def over() -> bool:
            return time.monotonic() >= ends

        while (file := first_orphan(self._folder, self._home, self._sync, self._left_alone)) is not None:
            orphan = Adopted(file, self._to, self._told, lambda: False, soon=True)
            try:
                while (wait := orphan.go()) != float("inf") and not over():
                    time.sleep(min(wait, LONGEST_WAIT_S))
            except (OSError, sqlite3.Error) as error:
                self.trouble = str(error)
                self._left_alone.add(file.path.name)
            orphan.leave()
            if over():
                return

    def _told(self, told: Told) -> None:
        self.trouble = told.why


def _mark(database: Path) -> None:
    uri = f"{database.absolute().as_uri()}?mode=rw"
    with closing(sqlite3.connect(uri, uri=True, timeout=BUSY_S, isolation_level=None)) as connection:
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        connection.execute("PRAGMA synchronous = NORMAL")  # the owner waits for the commit
        connection.execute("UPDATE events SET refused = NULL WHERE refused IS NOT NULL")
