"""Takes events out of spool files, whoever they belong to: what a person asked to be forgotten."""

from __future__ import annotations

import contextlib
import sqlite3
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from producers.effects import effect
from producers.spool.folder import Folder
from producers.spool.status import BUSY_S, look

TRUNCATE_BUSY_MS = 20  # less than an owner's writes wait
AT_ONCE = 200  # in one commit, for the same reason
IS_READ = ("alive", "orphan")


def erase(folder: Folder, prefix: str, is_theirs: Callable[[bytes], bool], *, dry: bool) -> Counter[str]:
    """How many events, by destination. `is_theirs`: of an event as it is stored. `dry`: nothing is changed.

    What was refused is looked at, too. An owner that lives notices by itself. Raises OSError or sqlite3.Error.
    """
    found: Counter[str] = Counter()
    for each in look(folder):
        if each.state in IS_READ and each.prefix == prefix and (each.events or each.refused):
            found += _erase_in(folder.path / each.file, is_theirs, dry=dry)
    return found


def _erase_in(database: Path, is_theirs: Callable[[bytes], bool], *, dry: bool) -> Counter[str]:
    with closing(_opened(database)) as connection:
        rows = connection.execute("SELECT n, lane, stored FROM events")
        theirs = {n: lane.rpartition(".")[0] for n, lane, stored in rows if is_theirs(stored)}
        if theirs and not dry:
            numbers = [(n,) for n in theirs]
            for first in range(0, len(numbers), AT_ONCE):
                _delete(connection, numbers[first : first + AT_ONCE])
            _empty_wal(connection)
        return Counter(theirs.values())


def _delete(connection: sqlite3.Connection, numbers: list[tuple[int]]) -> None:
    with effect("spool erase"):
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany("DELETE FROM events WHERE n = ?", numbers)
        connection.execute("COMMIT")


def _empty_wal(connection: sqlite3.Connection) -> None:
    """Or their text stays there for a while. Only the second part holds up an owner's writes, and has little to do."""
    with contextlib.suppress(sqlite3.OperationalError):
        connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
        connection.execute(f"PRAGMA busy_timeout = {TRUNCATE_BUSY_MS}")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _opened(database: Path) -> sqlite3.Connection:
    uri = f"{database.absolute().as_uri()}?mode=rw"
    connection = sqlite3.connect(uri, uri=True, timeout=BUSY_S, isolation_level=None)
    connection.execute("PRAGMA wal_autocheckpoint = 0")
    connection.execute("PRAGMA synchronous = NORMAL")  # the owner waits for the commit; the checkpoint syncs
    connection.execute("PRAGMA secure_delete = ON")
    return connection
