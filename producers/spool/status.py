"""What lies in a spool folder, for people: read without disturbing those whose files they are."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any, Literal

import msgspec

from producers.clock import now_ms
from producers.spool.folder import Folder
from producers.spool.home import Home
from producers.spool.lock import OwnerLock

MOST_REFUSED = 100  # that are shown of a file
BUSY_S = 1.0
State = Literal["alive", "orphan", "corrupt", "unreadable"]


class Refused(msgspec.Struct, frozen=True):
    """An event that Redis will not take; it stays until somebody decides."""

    id: str
    destination: str
    reason: str


class SpoolStatus(msgspec.Struct, frozen=True):
    """One file. `alive`: its process runs and brings its events to Redis. `why`: of the oldest that waits.

    `foreign`: why nobody who asks as we do takes it over.
    """

    file: str
    state: State
    host: str = ""
    pid: str = ""
    prefix: str = ""
    events: int = 0
    bytes: int = 0
    oldest_age_s: float | None = None
    why: str = ""
    refused: int = 0
    refusals: tuple[Refused, ...] = ()
    fault: str = ""
    foreign: str = ""


def look(folder: Folder, home: Home | None = None) -> list[SpoolStatus]:
    """All files of the folder, those that cannot be read included. Raises OSError if the folder cannot be read."""
    with contextlib.suppress(FileNotFoundError):
        os.listdir(folder.path)
    found = [status for database in folder.databases() if (status := _status(database, home)) is not None]
    return found + [SpoolStatus(each.name, "corrupt", bytes=each.stat().st_size) for each in folder.corrupt()]


def _status(database: Path, home: Home | None) -> SpoolStatus | None:
    """None if it is gone meanwhile. An orphan is ours while we read it."""
    lock: OwnerLock | None = None
    try:
        lock = OwnerLock.taken(database)
        state: State = "alive" if lock is None else "orphan"
        return _read(database, state, home) if database.exists() else None
    except (OSError, sqlite3.Error) as error:
        if not database.exists():
            return None
        return SpoolStatus(database.name, "unreadable", bytes=database.stat().st_size, fault=str(error))
    finally:
        if lock is not None:
            lock.release(remove=not database.exists())


def _read(database: Path, state: State, home: Home | None) -> SpoolStatus:
    """Of a living owner without any right to write: else we would tidy up behind it when we close."""
    uri = f"{database.absolute().as_uri()}?mode={'ro' if state == 'alive' else 'rw'}"
    with closing(sqlite3.connect(uri, uri=True, timeout=BUSY_S, isolation_level=None)) as connection:
        if not connection.execute("SELECT 1 FROM sqlite_master").fetchone():
            return SpoolStatus(database.name, state)
        about = dict(connection.execute("SELECT name, value FROM about"))
        return SpoolStatus(
            database.name,
            state,
            about.get("host", ""),
            about.get("pid", ""),
            about.get("prefix", ""),
            foreign=home.foreign(about) if home else "",
            **_waiting(connection),
            **_refused(connection),
        )


def _waiting(connection: sqlite3.Connection) -> dict[str, Any]:
    events, size = connection.execute(
        "SELECT count(*), coalesce(sum(bytes), 0) FROM events WHERE refused IS NULL"
    ).fetchone()
    oldest = connection.execute(
        "SELECT spooled_at, why FROM events WHERE refused IS NULL ORDER BY n LIMIT 1"
    ).fetchone()
    age = None if oldest is None else max(0, now_ms() - oldest[0]) / 1000
    return {"events": events, "bytes": size, "oldest_age_s": age, "why": oldest[1] if oldest else ""}


def _refused(connection: sqlite3.Connection) -> dict[str, Any]:
    (refused,) = connection.execute("SELECT count(*) FROM events WHERE refused IS NOT NULL").fetchone()
    rows = connection.execute(
        "SELECT id, lane, refused FROM events WHERE refused IS NOT NULL ORDER BY n LIMIT ?", (MOST_REFUSED,)
    )
    told = tuple(Refused(event_id, lane.rpartition(".")[0], why) for event_id, lane, why in rows)
    return {"refused": refused, "refusals": told}
