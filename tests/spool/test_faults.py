"""What goes wrong inside a spool: signals, disks that are full, rows and files that cannot be read. No Redis needed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from producers import Producer
from producers.keys import Slot
from producers.lines import Line
from producers.preparer import Made
from producers.settings import SpoolSettings
from producers.spool.file import SpoolFile
from producers.spool.spool import Spool, SpoolFailed

SLOT = Slot("test", "server-events", 0)
LANE = "server-events.0"


class Interrupted(BaseException):
    """As a time limit, or Ctrl-C."""


def made(session: str = "s", number: int = 0) -> Made:
    event = {
        "eventType": "SignalImpression",
        "sessionId": session,
        "parentGuid": "guid",
        "clientUniqueId": str(number),
    }
    return Producer.from_env({}).preparer.prepare(Line(destination="server-events", account="7", event=event))


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    spool = Spool(SpoolSettings(spool_dir=str(tmp_path / "spool")), "test")
    yield spool
    spool.close()


def file_of(spool: Spool) -> SpoolFile:
    assert spool._file is not None
    return spool._file


def write(spool: Spool, event: Made) -> bool:
    return spool.write([event], SLOT, "Redis is away")


def test_a_transaction_that_a_signal_left_open_holds_up_no_later_one(spool: Spool) -> None:
    write(spool, made())
    file_of(spool)._writer.execute("BEGIN IMMEDIATE")
    write(spool, made(number=1))
    rows = spool.head(LANE, 10, 10_000)
    file_of(spool)._writer.execute("BEGIN IMMEDIATE")
    spool.settle(rows[:1], [])
    assert file_of(spool).counts() == (1, 0)


def test_a_signal_handler_within_a_write_is_refused_and_the_write_goes_on(
    spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it does between two statements of the write must not end the transaction of that."""
    inner: list[str] = []

    def interrupted(file: SpoolFile, records: object) -> None:
        with pytest.raises(SpoolFailed) as caught:
            write(spool, made(number=1))
        inner.append(str(caught.value))
        original(file, records)  # type: ignore[arg-type]

    original = SpoolFile.write
    monkeypatch.setattr(SpoolFile, "write", interrupted)
    write(spool, made())
    assert inner == ["called from within a write of the same thread"]
    monkeypatch.undo()
    write(spool, made(number=2))
    assert (file_of(spool).counts(), spool.waiting) == ((2, 0), 2)


def test_a_write_that_a_signal_ended_is_followed_by_others(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(file: SpoolFile, records: object) -> None:
        raise Interrupted

    monkeypatch.setattr(SpoolFile, "write", interrupted)
    with contextlib.suppress(Interrupted):
        write(spool, made())
    monkeypatch.undo()
    write(spool, made(number=1))
    assert file_of(spool).counts() == (1, 0)
