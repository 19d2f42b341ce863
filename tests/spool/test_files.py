"""Files that are damaged, of another version or another buffer; and what the commands say of a spool."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

import msgspec
import pytest

from producers import Fate, Producer
from producers.lines import Line
from producers.preparer import Made
from producers.settings import SpoolSettings, buffer_settings
from producers.spool import SpoolingAppender
from tests.integration.support import Cli, as_lines, eventually
from tests.spool.events import lines, of_session, one
from tests.spool.support import Process, Shop
from worker.stack.redis_server import EmbeddedRedis


def orphan(shop: Shop, count: int = 3) -> Path:
    """Spooled by a producer that is closed while Redis is away, which is then brought back."""
    shop.redis.kill()
    with contextlib.closing(shop.producer()) as producer:
        assert not any(result.error for result in producer.enqueue_many(lines(0, count)))
    shop.redis.restart()
    (file,) = shop.folder.glob("*.db")
    return file


def change(file: Path, *statements: str) -> None:
    with contextlib.closing(sqlite3.connect(file)) as connection, connection:
        for statement in statements:
            connection.execute(statement)


def test_a_damaged_orphan_is_set_aside_and_the_others_are_flushed(shop: Shop, cli: Cli) -> None:
    """It is kept, told, and in nobody's way."""
    damaged = orphan(shop)
    damaged.write_bytes(b"no database at all" * 500)
    orphan_names = set(shop.names())
    with contextlib.closing(shop.producer()) as producer:
        assert one(producer, "start").fate is Fate.BUFFERED
        eventually(lambda: damaged.with_name(damaged.name + ".corrupt").exists())
        assert not damaged.exists()
        assert orphan_names
    (file,) = shop.files()
    assert file.state == "corrupt"
    ended = cli.run("spool", "flush", "--timeout", "5")
    assert ended.status == 1
    assert "cannot be read" in ended.err


def test_a_row_of_an_older_version_is_read_and_one_that_nobody_can_read_is_kept(shop: Shop, cli: Cli) -> None:
    """Fields that an event did not have yet take their defaults; fields that are unknown here are passed over."""
    file = orphan(shop)
    with contextlib.closing(sqlite3.connect(file)) as connection, connection:
        (head,) = connection.execute("SELECT head FROM events WHERE id = 'm0'").fetchone()
        told = msgspec.msgpack.decode(head)
        for name in set(told) - {"destination", "account", "order", "kind", "event_time", "size"}:
            del told[name]
        told["of_a_later_version"] = [1, 2]
        connection.execute("UPDATE events SET head = ? WHERE id = 'm0'", (msgspec.msgpack.encode(told),))
        connection.execute("UPDATE events SET head = x'c1' WHERE id = 'm1'")
    ended = cli.run("spool", "flush", "--timeout", "5")
    assert ended.status == 1
    assert "m1: cannot be read" in ended.err
    assert shop.stored() == ["m0", "m2"]


@pytest.mark.parametrize(
    ("change_to", "why"),
    [("PRAGMA user_version = 99", "m0"), ("UPDATE about SET value = 'other' WHERE name = 'prefix'", "for other")],
)
def test_a_file_of_a_newer_version_or_another_buffer_is_left_alone(
    shop: Shop, cli: Cli, change_to: str, why: str
) -> None:
    file = orphan(shop)
    change(file, change_to)
    ended = cli.run("spool", "flush", "--timeout", "5")
    assert ended.status == 1
    assert why in ended.err or "left" in ended.err
    assert file.exists()
    assert shop.stored() == []


@pytest.fixture
def elsewhere(one_redis: EmbeddedRedis) -> str:
    """Another Redis than that of the shop: another database of the same server."""
    return one_redis.url.removesuffix("/0") + "/1"


def test_what_was_meant_for_another_redis_goes_there_unless_somebody_says_so(
    shop: Shop, cli: Cli, elsewhere: str
) -> None:
    orphan(shop)
    ended = cli.run("spool", "flush", "--timeout", "0.1", FORWARDER_REDIS_URL=elsewhere)
    assert ended.status == 1
    assert "another Redis; forwarder spool flush --other-redis" in ended.err
    assert shop.spooled() == 3
    cli.done("spool", "flush", "--other-redis", FORWARDER_REDIS_URL=elsewhere)
    assert (shop.spooled(), shop.stored()) == (0, [])


def test_what_a_kill_left_of_a_file_that_was_made_or_removed_is_swept(shop: Shop) -> None:
    shop.folder.mkdir()
    for name in ("a-1-2.db.lock", "b-1-2.db", "b-1-2.db.lock", "c-1-2.db-wal", "c-1-2.db-shm"):
        (shop.folder / name).touch()
    with contextlib.closing(shop.producer()) as producer:
        one(producer, "start")
        eventually(lambda: not shop.names())


class _Conflict:
    """As an index of ids that knows each of these ids with another content."""

    def __init__(self, inner: object, ids: set[str]) -> None:
        self.inner, self.ids = inner, ids

    def append(self, made: list[Made]) -> list[Fate]:
        others = [each for each in made if each.id not in self.ids]
        if others:
            self.inner.append(others)  # type: ignore[attr-defined]
        return [Fate.CONFLICT if each.id in self.ids else Fate.BUFFERED for each in made]

    def __getattr__(self, name: str) -> object:
        return getattr(self.inner, name)


def test_an_event_whose_id_is_anothers_is_kept_as_refused_until_somebody_says_so(shop: Shop, cli: Cli) -> None:
    """Never lost, never tried again by itself, and in nobody's way."""
    orphan(shop)
    plain = Producer.from_env({**shop.env, "FORWARDER_SPOOL_DIR": ""})
    conflicts = _Conflict(plain.appender, {"m1"})
    settings = SpoolSettings(spool_dir=str(shop.folder))
    with contextlib.closing(SpoolingAppender(conflicts, settings, buffer_settings(shop.env))) as appender:  # type: ignore[arg-type]
        made = plain.preparer.prepare(_line("start"))
        assert appender.append([made]) == [Fate.BUFFERED]
        eventually(lambda: [each.refused for each in shop.files()] == [1])
    told = cli.run("spool", "status", "--json").json
    (refused,) = told["files"][0]["refusals"]
    assert (told["events"], told["refused"], refused["id"]) == (0, 1, "m1")
    assert "another event" in refused["reason"]
    ended = cli.run("spool", "flush", "--timeout", "1")
    assert ended.status == 1
    assert "m1: another event" in ended.err
    assert cli.run("spool", "flush", "--refused", "--timeout", "10").status == 0
    assert sorted(shop.stored()) == ["m0", "m1", "m2", "start"]


def test_status_tells_whose_files_there_are_and_why_events_wait(shop: Shop, cli: Cli) -> None:
    assert "nothing is in the spool" in cli.done("spool", "status").out
    shop.redis.kill()
    process = Process(shop.env, "idle", "living")
    process.hear(lambda line: line.startswith("id "))
    with contextlib.closing(shop.producer()) as producer:
        producer.enqueue_many(lines(0, 3))
    told = cli.done("spool", "status", "--json").json
    assert told["events"] == 4
    assert {each["state"] for each in told["files"]} == {"orphan", "alive"}
    assert all("Redis cannot be reached" in each["why"] and each["oldest_age_s"] >= 0 for each in told["files"])
    out = cli.done("spool", "status").out
    assert f"of process {process.process.pid} " in out
    assert "of a process that ended" in out
    assert "@" not in out
    process.kill()


def test_flush_waits_for_the_owners_that_live_and_says_what_is_left(shop: Shop, cli: Cli) -> None:
    shop.redis.kill()
    process = Process(shop.env, "idle", "living")
    process.hear(lambda line: line.startswith("id "))
    ended = cli.run("spool", "flush", "--timeout", "0")
    assert ended.status == 1
    assert f"of process {process.process.pid}" in ended.err
    assert "Redis cannot be reached" in ended.err
    shop.redis.restart()
    assert "nothing is left" in cli.done("spool", "flush", "--timeout", "20").out
    assert shop.stored() == ["living"]
    assert process.end() == 0
    assert not shop.names()


def test_without_a_folder_the_commands_name_the_variable(cli: Cli) -> None:
    for command in ("status", "flush"):
        ended = cli.run("spool", command, FORWARDER_SPOOL_DIR="")
        assert ended.status == 2
        assert "FORWARDER_SPOOL_DIR" in ended.err


def _line(name: str) -> Line:
    event = {"clientEventId": name, "eventType": "conversion"}
    return Line(destination="event-api", account="1", event=event)


def test_our_own_file_that_is_damaged_is_set_aside_and_sales_go_on(shop: Shop) -> None:
    """Its sessions are not held up for ever by events that cannot be read."""
    shop.redis.kill()
    with contextlib.closing(shop.producer()) as producer:
        for number in range(300):
            of_session(producer, "s", number)
        (file,) = shop.folder.glob("*.db")
        for part in (file, file.with_name(file.name + "-wal")):
            with part.open("r+b") as damaged:
                damaged.write(b"\xff" * part.stat().st_size)
        shop.redis.restart()
        eventually(lambda: list(shop.folder.glob("*.corrupt")))
        eventually(lambda: of_session(producer, "s", 300).fate is Fate.BUFFERED)


def test_enqueue_on_the_command_line_says_what_was_spooled(shop: Shop, cli: Cli) -> None:
    shop.redis.kill()
    ended = cli.run("enqueue", "-", given=as_lines(lines(0, 3)))
    assert (ended.status, "3 accepted" in ended.out) == (0, True)
    assert "3 of them wait in the spool" in ended.err
    shop.redis.restart()
    cli.done("spool", "flush")
    assert shop.stored() == ["m0", "m1", "m2"]
