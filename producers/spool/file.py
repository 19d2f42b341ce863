"""One spool file: an SQLite database in WAL mode that belongs to whoever holds its lock.

A commit writes to the WAL and nothing else: `synchronous` NORMAL survives the end of the process, FULL that of the
machine. Checkpoints are the background's (`wal_autocheckpoint` is 0).
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, nullcontext
from pathlib import Path
from typing import Any, Literal, NamedTuple

from producers.effects import effect
from producers.spool.forks import BACKGROUND, ForkLock, immortal, in_child
from producers.spool.lock import OwnerLock
from producers.spool.rows import OrderKey, Record, Waiting, order_of, waiting

FORMAT = 1  # PRAGMA user_version; a file of a higher one is left alone
PAGE_BYTES = 1024  # small: a commit writes whole pages
COMMIT_BYTES = 3 * (PAGE_BYTES + 24)  # that a commit adds to the WAL beside its events, about
BUSY_S = 1.0  # another process holds it only to read, or to mark events
WRITER_BUSY_MS = 50  # of that, at most, at a commit: a caller waits
CHECKPOINT_BYTES = 4_000_000  # of the WAL, from which on it is brought into the database
URGENT = 4  # times as much, from which on writers wait for the last part of it
SCHEMA = (
    "CREATE TABLE about (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    "CREATE TABLE events (n INTEGER PRIMARY KEY, lane TEXT NOT NULL, id TEXT NOT NULL,"
    " bytes INTEGER NOT NULL, spooled_at INTEGER NOT NULL, why TEXT NOT NULL, refused TEXT,"
    " head BLOB NOT NULL, stored BLOB NOT NULL)",
    "CREATE INDEX waiting ON events (lane, n) WHERE refused IS NULL",
    "CREATE INDEX refused ON events (n) WHERE refused IS NOT NULL",
    f"PRAGMA user_version = {FORMAT}",
)
_CORRUPT = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
Sync = Literal["normal", "full"]


class Counted(NamedTuple):
    """How many events wait, of which order keys, up to which number."""

    events: int
    orders: Counter[OrderKey]
    last: int


class SpoolFile:
    """Use `write` and `settle` under a lock of the caller's; all else is the background's, one thread at a time."""

    def __init__(self, path: Path, lock: OwnerLock, sync: Sync, **about: str) -> None:
        """`about`: whose events a new file holds. Raises sqlite3.Error; then the lock is the caller's still."""
        self.path = path
        self.lock = lock
        self._writer = _connected(path, "OFF")
        self._reader: sqlite3.Connection | None = None
        try:
            self._prepare(sync, about)
        except BaseException:
            self._writer.close()
            raise
        self._version: int = self._writer.execute("PRAGMA data_version").fetchone()[0]
        _OPEN.add(self)

    def _prepare(self, sync: Sync, about: Mapping[str, str]) -> None:
        if sync == "full":
            self._writer.execute("PRAGMA synchronous = FULL")
        self._writer.execute(f"PRAGMA page_size = {PAGE_BYTES}")
        self._writer.execute("PRAGMA journal_mode = WAL")
        self._writer.execute(f"PRAGMA journal_size_limit = {CHECKPOINT_BYTES}")
        if not self._writer.execute("SELECT 1 FROM sqlite_master").fetchone():
            with _transaction(self._writer):
                for statement in SCHEMA:
                    self._writer.execute(statement)
                self._writer.executemany("INSERT INTO about VALUES (?, ?)", about.items())
        self._writer.execute(f"PRAGMA synchronous = {sync.upper()}")
        self._writer.execute(f"PRAGMA busy_timeout = {WRITER_BUSY_MS}")

    def write(self, records: Iterable[Record]) -> None:
        """All or none of them, in this order, in one commit. Raises sqlite3.Error."""
        with effect("spool write"), _transaction(self._writer):
            self._writer.executemany(
                "INSERT INTO events (lane, id, head, stored, bytes, spooled_at, why) VALUES (?, ?, ?, ?, ?, ?, ?)",
                records,
            )

    def settle(self, taken: Sequence[Waiting], refused: Sequence[tuple[Waiting, str]]) -> None:
        """Forgets what Redis has, and marks what it refused for good with the reason."""
        with effect("spool delete"), _transaction(self._writer):
            self._writer.executemany("DELETE FROM events WHERE n = ?", [(row.n,) for row in taken])
            marks = [(why, row.n) for row, why in refused]
            self._writer.executemany("UPDATE events SET refused = ? WHERE n = ?", marks)

    def say(self, **about: str) -> None:
        """Notes who has it now."""
        self._writer.executemany("INSERT OR REPLACE INTO about VALUES (?, ?)", about.items())

    def free_bytes(self) -> int:
        """Of the database, which the next events take."""
        pages, size = (self._writer.execute(f"PRAGMA {name}").fetchone()[0] for name in ("freelist_count", "page_size"))
        return int(pages * size)

    def format(self) -> int:
        with BACKGROUND:
            return int(self._read("PRAGMA user_version")[0][0])

    def about(self) -> dict[str, str]:
        with BACKGROUND:
            return dict(self._read("SELECT name, value FROM about"))

    def lanes(self) -> list[str]:
        """Those in which something waits, the oldest first."""
        with BACKGROUND:
            told = self._read("SELECT lane FROM events WHERE refused IS NULL GROUP BY lane ORDER BY min(n)")
            return [lane for (lane,) in told]

    def head(self, lane: str, most_events: int, most_bytes: int) -> list[Waiting]:
        """The oldest of a lane, in their order; at least one, if there is one."""
        wanted = "SELECT n, id, head, stored, bytes FROM events WHERE lane = ? AND refused IS NULL ORDER BY n LIMIT ?"
        found: list[Waiting] = []
        with BACKGROUND, closing(self._asked(wanted, lane, most_events)) as rows:
            for n, event_id, head, stored, size in rows:
                most_bytes -= size
                if found and most_bytes < 0:
                    break
                found.append(waiting(n, event_id, head, stored))
        return found

    def counts(self) -> tuple[int, int]:
        """How many wait, and how many were refused."""
        with BACKGROUND:
            kinds = ("IS NULL", "IS NOT NULL")
            waits, refused = (self._read(f"SELECT count(*) FROM events WHERE refused {kind}")[0][0] for kind in kinds)  # noqa: S608
            return int(waits), int(refused)

    def any_left(self) -> bool:
        """Whether anything is in it, as far as can be told: a file that cannot be read is not removed."""
        try:
            return any(self.counts())
        except sqlite3.Error:
            return True

    def touched(self) -> bool:
        """Whether somebody else changed it since the last time; under the writers' lock."""
        before, (self._version,) = self._version, self._writer.execute("PRAGMA data_version").fetchone()
        return before != self._version

    def waiting(self, after: int = 0) -> Counted:
        """What waits behind the number `after`."""
        orders, events, last = Counter[OrderKey](), 0, after
        wanted = "SELECT n, head FROM events WHERE refused IS NULL AND n > ? ORDER BY n"
        with BACKGROUND, closing(self._asked(wanted, after)) as rows:
            for last, head in rows:  # noqa: B007 - the last one is asked for
                events += 1
                if key := order_of(head):
                    orders[key] += 1
        return Counted(events, orders, last)

    def checkpoint(self, writers: ForkLock, from_bytes: int = CHECKPOINT_BYTES) -> None:
        """Brings a long WAL into the database, so that the next commit begins it anew. Writers go on meanwhile."""
        if self._wal_bytes() < from_bytes:
            return
        with BACKGROUND:
            ((_, written, brought),) = self._read("PRAGMA wal_checkpoint(PASSIVE)")
            if written != brought and self._wal_bytes() > URGENT * from_bytes:
                with writers:  # else busy writers would make it grow for ever; what is left is short
                    self._read("PRAGMA wal_checkpoint(PASSIVE)")

    def close(self, *, remove: bool = False) -> None:
        """Gives it back, as an orphan; or takes it away, which must be empty."""
        with BACKGROUND:
            _OPEN.discard(self)
            for connection in (self._reader, self._writer):
                if connection is not None:
                    with contextlib.suppress(sqlite3.Error):
                        connection.close()
            with effect("spool remove") if remove else nullcontext():
                try:
                    if remove:
                        unlink(self.path)
                finally:
                    self.lock.release(remove=remove)

    def abandon(self) -> None:
        """Closes it for writing; the lock is the caller's."""
        _OPEN.discard(self)
        with contextlib.suppress(sqlite3.Error):
            self._writer.close()

    def forget(self) -> None:
        """In a child: the parent's, which must not be touched."""
        immortal(self._writer)
        immortal(self._reader)
        self.lock.forget()

    def _read(self, question: str) -> list[Any]:
        return self._asked(question).fetchall()

    def _asked(self, question: str, *values: str | int) -> sqlite3.Cursor:
        if self._reader is None:
            self._reader = _connected(self.path, "NORMAL")
        return self._reader.execute(question, values)

    def _wal_bytes(self) -> int:
        try:
            return self.path.with_name(self.path.name + "-wal").stat().st_size
        except OSError:
            return 0


def made(path: Path, lock: OwnerLock, sync: Sync, **about: str) -> SpoolFile:
    """A new file, readable to its user alone. Raises OSError or sqlite3.Error; then nothing of it is left."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        file = SpoolFile(path, lock, sync, **about)
        if sync == "full":
            _sync_folder(path.parent)
    except BaseException:
        unlink(path)
        lock.release(remove=True)
        raise
    return file


def is_corrupt(error: Exception) -> bool:
    code = getattr(error, "sqlite_errorcode", None)
    return code is not None and (code & 0xFF in _CORRUPT or code == sqlite3.SQLITE_IOERR_SHORT_READ)


def unlink(path: Path) -> None:
    """The database first: without it the rest says nothing."""
    for suffix in ("", "-wal", "-shm"):
        with contextlib.suppress(FileNotFoundError):
            path.with_name(path.name + suffix).unlink()


def _connected(path: Path, synchronous: str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=rw", timeout=BUSY_S, isolation_level=None, check_same_thread=False, uri=True
    )
    connection.execute(f"PRAGMA synchronous = {synchronous}")
    connection.execute("PRAGMA wal_autocheckpoint = 0")
    return connection


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Whoever writes holds a lock: one that is open already was left so, by an exception of a signal handler."""
    if connection.in_transaction:
        connection.execute("ROLLBACK")
    try:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _sync_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


_OPEN: set[SpoolFile] = set()


@in_child
def _forget_all() -> None:
    for file in _OPEN:
        file.forget()
    _OPEN.clear()
