"""What goes wrong inside a spool: signals, disks that are full, rows and files that cannot be read, other processes."""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from producers import EnqueueFailed, Producer
from producers.accepted import Fate
from producers.keys import Slot
from producers.lines import Line
from producers.preparer import Made
from producers.settings import SpoolSettings
from producers.spool.adoption import Adopted, first_orphan
from producers.spool.erasing import erase
from producers.spool.file import SpoolFile
from producers.spool.flusher import Flusher
from producers.spool.home import Home
from producers.spool.keeper import Away, Keeper
from producers.spool.lock import OwnerLock
from producers.spool.spool import Spool, SpoolFailed
from producers.spool.status import look

SLOT = Slot("test", "server-events", 0)
LANE = "server-events.0"
HOME = Home("test", "here")


class Interrupted(BaseException):
    """As a time limit, or Ctrl-C."""


class Disk(NamedTuple):
    f_bavail: int
    f_frsize: int = 1


class Buffer:
    """As Redis behind the background: takes all, or says a fate."""

    def __init__(self, fate: Fate = Fate.BUFFERED) -> None:
        self.fate = fate
        self.away = ""
        self.taken: list[str] = []

    def slot_of(self, made: Made) -> Slot:  # noqa: ARG002 - one for all
        return SLOT

    def append(self, made: Sequence[Made]) -> list[Fate]:
        if self.away:
            raise EnqueueFailed(self.away, id=made[0].id, maybe_accepted=False)
        self.taken += [each.id for each in made]
        return [self.fate for _ in made]

    def withhold(self, made: Sequence[Made]) -> None: ...
    def close(self) -> None: ...


def made(number: int = 0, text: str = "") -> Made:
    event = {
        "eventType": "SignalImpression",
        "sessionId": "s",
        "parentGuid": "guid",
        "clientUniqueId": str(number),
        "metadata": [{"name": "note", "value": text}],
    }
    return Producer.from_env({}).preparer.prepare(Line(destination="server-events", account="7", event=event))


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    spool = Spool(SpoolSettings(spool_dir=str(tmp_path / "spool")), HOME)
    yield spool
    spool.close()


def write(spool: Spool, *events: Made) -> bool:
    return spool.write(events, SLOT, "Redis is away")


def rows(spool: Spool) -> int:
    return sum(each.events for each in look(spool.folder))


def file_of(spool: Spool) -> Path:
    (path,) = spool.folder.databases()
    return path


def connected(path: Path) -> contextlib.closing[sqlite3.Connection]:
    return contextlib.closing(sqlite3.connect(path, isolation_level=None))


@pytest.fixture
def strike(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """Statements that a signal ends from now on, so many times each: a BEGIN when it is done, others before."""
    strikes: dict[str, int] = {}

    class Struck(sqlite3.Connection):
        def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
            strikes[sql] = strikes.get(sql, 0) - 1
            if strikes[sql] < 0:
                return super().execute(sql, *values)
            if sql.startswith("BEGIN"):
                super().execute(sql)
            raise Interrupted

    monkeypatch.setattr("producers.spool.file.sqlite3.connect", partial(sqlite3.connect, factory=Struck))
    return strikes


@pytest.mark.parametrize("statements", [["BEGIN IMMEDIATE"], ["BEGIN IMMEDIATE", "ROLLBACK"]])
def test_a_transaction_that_a_signal_broke_off_holds_up_no_later_one(
    spool: Spool, strike: dict[str, int], statements: list[str]
) -> None:
    """Not even one that it left open."""
    write(spool, made())
    for statement in statements:
        strike[statement] = 1
    with pytest.raises(Interrupted):
        write(spool, made(1))
    if "ROLLBACK" not in statements:
        with connected(file_of(spool)) as other:
            other.execute("PRAGMA busy_timeout = 0")
            other.execute("BEGIN IMMEDIATE")  # nobody holds it
    write(spool, made(2))
    assert rows(spool) == 2


def test_a_settle_after_a_transaction_that_was_left_open_works(spool: Spool, strike: dict[str, int]) -> None:
    write(spool, made())
    strike.update({"BEGIN IMMEDIATE": 1, "ROLLBACK": 1})
    with pytest.raises(Interrupted):
        write(spool, made(1))
    spool.lanes()
    spool.settle(spool.head(LANE, 10, 10_000), [])
    assert rows(spool) == 0


def test_a_signal_handler_within_a_write_is_refused_and_the_write_goes_on(
    spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it does between two statements of the write must not end the transaction of that."""
    inner: list[str] = []

    def interrupted(file: SpoolFile, records: Any) -> None:
        with pytest.raises(SpoolFailed) as caught:
            write(spool, made(1))
        inner.append(str(caught.value))
        original(file, records)

    original = SpoolFile.write
    monkeypatch.setattr(SpoolFile, "write", interrupted)
    write(spool, made())
    assert inner == ["called from within a write of the same thread"]
    monkeypatch.undo()
    write(spool, made(2))
    assert (rows(spool), spool.waiting) == (2, 2)


def test_an_event_needs_room_on_the_disk_for_the_checkpoint_too(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each WAL of the folder will be written a second time."""
    write(spool, made(text="x" * 100_000))
    wal = sum(each.stat().st_size for each in spool.folder.path.glob("*-wal"))
    assert wal > 100_000
    free = 1_000_000 + wal + 2 * 40_000
    monkeypatch.setattr(os, "statvfs", lambda _: Disk(free))
    spool.folder.shrank()
    write(spool, made(1, "x" * 20_000))
    with pytest.raises(SpoolFailed, match=r"the disk has only \d+ bytes left"):
        write(spool, made(2, "x" * 40_000))
    write(spool, made(2))
    assert rows(spool) == 3


def test_on_a_disk_that_gets_tight_a_short_wal_is_brought_into_the_database_too(
    spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that the deletes of what Redis takes find room in it."""
    write(spool, made(text="x" * 100_000))
    spool.upkeep()
    assert file_of(spool).stat().st_size < 100_000
    monkeypatch.setattr(os, "statvfs", lambda _: Disk(2_000_000))
    spool.folder.shrank()
    spool.upkeep()
    assert file_of(spool).stat().st_size > 100_000


def test_the_checkpoint_is_made_even_while_nothing_can_be_settled(
    spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a disk that is full a row can only be deleted once the WAL begins anew."""
    kept = threading.Event()
    monkeypatch.setattr(Flusher, "go", _full)
    monkeypatch.setattr(SpoolFile, "checkpoint", lambda *_: kept.set())
    write(spool, made())
    keeper = Keeper(spool, Buffer(), Away())
    keeper.start()
    try:
        assert kept.wait(5)
    finally:
        keeper.stop()


def _full(_: object) -> float:
    raise sqlite3.OperationalError("database or disk is full")


def test_a_row_that_cannot_be_read_holds_up_its_session_no_longer_than_it_waits(spool: Spool) -> None:
    write(spool, made())
    with connected(file_of(spool)) as other:
        (head,) = other.execute("SELECT head FROM events").fetchone()
        told = msgspec.msgpack.decode(head)
        del told["kind"]
        other.execute("UPDATE events SET head = ?", (msgspec.msgpack.encode(told),))
    (row,) = spool.head(LANE, 10, 10_000)
    assert row.made is None
    assert spool.behind(made(1))
    spool.settle([], [(row, row.fault)])
    assert not spool.behind(made(1))


@pytest.mark.parametrize("by", [Adopted.leave, None])
def test_an_orphan_that_cannot_be_read_any_more_is_given_back(
    spool: Spool, monkeypatch: pytest.MonkeyPatch, by: Callable[[Adopted], bool] | None
) -> None:
    """By whoever has it, and by who is about to take it."""

    def unreadable(_: SpoolFile) -> tuple[int, int]:
        raise sqlite3.OperationalError("disk I/O error")

    write(spool, made())
    path = file_of(spool)
    spool.close()
    if by is not None:
        file = first_orphan(spool.folder, HOME, "normal", set())
        assert file is not None
        orphan = Adopted(file, Buffer(), lambda _: None, lambda: False)
        monkeypatch.setattr(SpoolFile, "counts", unreadable)
        assert not by(orphan)
    else:
        monkeypatch.setattr(SpoolFile, "counts", unreadable)
        assert first_orphan(spool.folder, HOME, "normal", set()) is None
    lock = OwnerLock.taken(path)
    assert lock is not None
    lock.release()
    assert path.exists()


@pytest.mark.parametrize("other", [HOME._replace(redis="there"), HOME._replace(prefix="other")])
def test_an_orphan_of_another_home_is_left_alone_and_told(
    spool: Spool, caplog: pytest.LogCaptureFixture, other: Home
) -> None:
    """Its events would come to a Redis, or a buffer, where nobody looks for them."""
    write(spool, made())
    spool.close()
    left_out: set[str] = set()
    assert first_orphan(spool.folder, other, "normal", left_out) is None
    (told,) = look(spool.folder, other)
    assert left_out == {told.file}
    assert told.foreign.startswith("its events are for ")
    assert told.foreign in caplog.text
    assert [each.foreign for each in look(spool.folder, HOME)] == [""]


@pytest.mark.parametrize(("note", "home"), [(False, HOME._replace(redis="there")), (True, HOME._replace(redis=""))])
def test_an_orphan_that_names_no_redis_or_is_asked_for_none_is_taken(spool: Spool, note: bool, home: Home) -> None:
    """Files of older versions have no such note."""
    write(spool, made())
    spool.close()
    if not note:
        with connected(file_of(spool)) as other:
            other.execute("DELETE FROM about WHERE name = 'redis'")
    file = first_orphan(spool.folder, home, "normal", set())
    assert file is not None
    file.close()


def test_an_erasure_waits_for_no_reader(spool: Spool) -> None:
    """While it did, it would hold up the owner's writes."""
    write(spool, made(text="secret"), made(1))
    with connected(file_of(spool)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM events").fetchall()
        began = time.monotonic()
        assert erase(spool.folder, "test", lambda stored: b"secret" in stored, dry=False).total() == 1
        assert time.monotonic() - began < 3
    assert rows(spool) == 1


def test_a_write_waits_for_another_process_for_a_moment_only(spool: Spool) -> None:
    write(spool, made())
    with connected(file_of(spool)) as other:
        other.execute("BEGIN IMMEDIATE")
        began = time.monotonic()
        with pytest.raises(SpoolFailed, match="locked"):
            write(spool, made(1))
        assert time.monotonic() - began < 3
    write(spool, made(1))


def test_a_conflict_is_told_without_saying_whose_event_it_is(spool: Spool, caplog: pytest.LogCaptureFixture) -> None:
    event = made()
    write(spool, event)
    name = file_of(spool).name
    flusher = Flusher(spool, Buffer(Fate.CONFLICT), lambda _: None, lambda: False, soon=True)
    with caplog.at_level(logging.WARNING, "producers.spool"):
        flusher.go()
    (told,) = caplog.messages
    assert told == f"1 events of the spool file {name} were refused for good; forwarder spool status shows them"
