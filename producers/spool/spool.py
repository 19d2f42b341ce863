"""The spool of this process: one file, made when it is needed, and what is known of the events in it."""

from __future__ import annotations

import logging
import os
import socket
import sqlite3
import threading
import time
from collections import Counter, deque
from collections.abc import Sequence

from producers.clock import now_ms
from producers.keys import Slot
from producers.preparer import Made
from producers.settings import SpoolSettings
from producers.spool.adoption import told_aside
from producers.spool.file import CHECKPOINT_BYTES, COMMIT_BYTES, SpoolFile, Sync, is_corrupt, made
from producers.spool.folder import Folder
from producers.spool.forks import BACKGROUND, ForkLock
from producers.spool.home import Home
from producers.spool.lock import OwnerLock
from producers.spool.rows import OrderKey, Record, Waiting, record

LOG = logging.getLogger("producers.spool")
IDLE_S = 1.0  # an empty file is kept so long for what may come
NAMES_TRIED = 5


class SpoolFailed(Exception):
    """The spool cannot take the events; the message says why."""


class _Ticket:
    """What one call wants to have written. Threads that wait for the disk share a commit."""

    def __init__(self, events: Sequence[Made], records: list[Record]) -> None:
        self.events = events
        self.records = records
        self.bytes = COMMIT_BYTES + sum(each.bytes for each in records)
        self.done = False
        self.failed = "it was not written"


class Spool:
    """Safe to share between threads. The counts move with the rows, under one lock, which no network call holds."""

    def __init__(self, settings: SpoolSettings, home: Home) -> None:
        self.folder = Folder(settings.folder, settings.spool_max_bytes)
        self.home = home
        self.sync: Sync = settings.spool_sync
        self._as_new()

    def forked(self) -> None:
        """Of what the parent had, nothing is ours."""
        self._as_new()

    def _as_new(self) -> None:
        self.lock = ForkLock()
        self._file: SpoolFile | None = None
        self._read: SpoolFile | None = None  # the one that the background took its rows from
        self._orders: Counter[OrderKey] = Counter()
        self._tickets: deque[_Ticket] = deque()
        self._writing = 0  # the thread that does
        self._free = 0
        self._empty_since = 0.0
        self.waiting = 0

    def behind(self, made: Made) -> bool:
        """Whether events of its order key wait here, so that it must wait behind them."""
        return bool(self._orders) and order_key(made) in self._orders

    def write(self, events: Sequence[Made], slot: Slot, why: str) -> bool:
        """Returns when they are on disk; whether they are the first. Raises `SpoolFailed`."""
        if self._writing == threading.get_ident():  # a signal handler; the lock would let it in
            raise SpoolFailed("called from within a write of the same thread")
        now, lane = now_ms(), f"{slot.destination}.{slot.shard}"
        ticket = _Ticket(events, [record(each, lane, now, why) for each in events])
        self._tickets.append(ticket)
        with self.lock:
            first = self.waiting == 0
            if not ticket.done:
                self._write_queue()
        if ticket.failed:
            raise SpoolFailed(ticket.failed)
        return first

    @property
    def name(self) -> str:
        """Of the file that the background took its rows from."""
        return self._read.path.name if self._read else ""

    def lanes(self) -> list[str]:
        self._read = file = self._file
        return file.lanes() if file else []

    def head(self, lane: str, most_events: int, most_bytes: int) -> list[Waiting]:
        self._read = file = self._file
        return file.head(lane, most_events, most_bytes) if file else []

    def settle(self, taken: Sequence[Waiting], refused: Sequence[tuple[Waiting, str]]) -> None:
        """The counts drop when the rows are gone, and not before."""
        with self.lock:
            if self._file is None or self._file is not self._read:
                return  # set aside meanwhile; the numbers would be those of other events
            self._file.settle(taken, refused)
            self._free = self._file.free_bytes()
            for row in (*taken, *(row for row, _ in refused)):
                self._leaves(row.order)

    def upkeep(self) -> float:
        """The background's: a long WAL is shortened, an empty file removed. Seconds until it is needed again."""
        file = self._file
        if file is None:
            return float("inf")
        self._count_anew(file)
        if self.waiting:
            with self.lock:
                self.folder.look()
            soon = 1 if self.folder.tight else min(CHECKPOINT_BYTES, self.folder.max_bytes // 8)
            file.checkpoint(self.lock, soon)
            return 1.0
        left = self._empty_since + (0 if self.folder.crowded else IDLE_S) - time.monotonic()
        if left <= 0:
            self._leave(only_empty=True)
        return max(left, 0.0) if self._file else float("inf")

    def _count_anew(self, file: SpoolFile) -> None:
        """Where a command changed our file: a person's events were erased, or what was refused waits again."""
        with BACKGROUND:
            with self.lock:
                if file is not self._file or not file.touched():
                    return
            before = file.waiting()  # the most of it, while nobody waits for us
            with self.lock:
                since = file.waiting(before.last)
                self.waiting = before.events + since.events
                self._orders = before.orders + since.orders
                if not self.waiting:
                    self._empty_since = time.monotonic()

    def damaged(self, error: Exception) -> None:
        """The background could not read our file: if it is corrupt, the next event gets another one."""
        with self.lock:
            if self._file is not None and is_corrupt(error):
                self._set_aside(self._file, error)

    def close(self) -> None:
        """What is left stays on disk, for whoever adopts it."""
        self._leave(only_empty=False)

    def _leave(self, *, only_empty: bool) -> None:
        with BACKGROUND:
            file = self._file
            if file is None:
                return
            if only_empty and any(file.counts()):
                self._empty_since = float("inf")  # what was refused stays, for the command
                return
            with self.lock:
                if only_empty and self.waiting:
                    return
                self._lost_sight()
            file.close(remove=not file.any_left())
            self.folder.shrank()

    def _lost_sight(self) -> None:
        self._file, self.waiting, self._free = None, 0, 0
        self._orders.clear()

    def _write_queue(self) -> None:
        try:
            self._writing = threading.get_ident()
            self._write_all([self._tickets.popleft() for _ in range(len(self._tickets))])
        finally:
            self._writing = 0

    def _write_all(self, tickets: list[_Ticket]) -> None:
        try:
            self.folder.look()
            fitting = [ticket for ticket in tickets if self._fits(ticket)]
            failed = self._written([each for ticket in fitting for each in ticket.records]) if fitting else ""
            for ticket in fitting:
                ticket.failed = failed
                if not failed:
                    self.waiting += len(ticket.events)
                    self._orders.update(order_key(each) for each in ticket.events if each.entry.order)
        finally:
            for ticket in tickets:
                ticket.done = True

    def _fits(self, ticket: _Ticket) -> bool:
        if full := self.folder.full(ticket.bytes, self._free):
            ticket.failed = full
            return False
        reused = min(self._free, ticket.bytes)
        self._free -= reused
        self.folder.grows(ticket.bytes, reused)
        return True

    def _written(self, records: list[Record], again: bool = True) -> str:
        """An empty text once they are on disk, else why not."""
        try:
            file = self._file = self._in_place() or self._new_file()
            file.write(records)
        except (OSError, sqlite3.Error) as error:
            if self._file is not None and is_corrupt(error) and again:
                self._set_aside(self._file, error)
                return self._written(records, again=False)
            return f"{type(error).__name__}: {error}"
        return ""

    def _in_place(self) -> SpoolFile | None:
        if self._file is not None and not self._file.path.exists():
            LOG.error("the spool file %s was removed while it was in use", self._file.path.name)
            self._file.abandon()
            self._file.lock.release(remove=True)
            self._lost_sight()
        return self._file

    def _set_aside(self, file: SpoolFile, error: Exception) -> None:
        file.abandon()
        told_aside(file.path, error)
        file.lock.release(remove=True)
        self._lost_sight()

    def _new_file(self) -> SpoolFile:
        self.folder.make()
        for _ in range(NAMES_TRIED):
            path = self.folder.new_name()
            lock = OwnerLock.taken(path)
            if lock is not None:
                owner = {"host": socket.gethostname(), "pid": str(os.getpid())}
                return made(path, lock, self.sync, **self.home._asdict(), **owner)
        raise OSError("no lock could be had for a new file")

    def _leaves(self, key: OrderKey | None) -> None:
        self.waiting = max(0, self.waiting - 1)
        if not self.waiting:
            self._empty_since = time.monotonic()
        if key is not None:
            self._orders[key] -= 1
            if self._orders[key] <= 0:
                del self._orders[key]


def order_key(made: Made) -> OrderKey:
    return made.to.name, made.entry.account, made.entry.order
