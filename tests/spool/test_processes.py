"""Processes that are killed, forked or end while events wait in their spools: every id that was given back arrives."""

from __future__ import annotations

import random

import pytest

from producers.keys import LAYOUT
from tests.integration.support import Cli, eventually
from tests.spool.events import SESSIONS
from tests.spool.support import Process, Shop, after, frozen, ids, none_twice, numbers_of
from worker.connection.client import sync_redis

KILLS = 10


def accepted(shop: Shop, destination: str = "event-api") -> int:
    with sync_redis(shop.redis.url) as redis:
        key = f"{shop.env['FORWARDER_KEY_PREFIX']}:{LAYOUT}:{{{destination}.0}}:ledger"
        return int(redis.hget(key, "accepted") or 0)


def test_a_kill_while_events_are_spooled_loses_none_that_was_given_back(shop: Shop, cli: Cli) -> None:
    """Ten processes, killed at ten moments, half of them while they write fifty events at a time."""
    shop.redis.kill()
    given: set[str] = set()
    moments = random.Random(1)
    running = [Process(shop.env, "many" if number % 2 else "one", f"p{number}") for number in range(KILLS)]
    for each in running:
        each.tell("go")
        each.hear(lambda line: line.startswith("id "))
        after(moments.uniform(0, 0.05))
        given |= ids(each.kill())
    assert {each.state for each in shop.files()} == {"orphan"}
    shop.redis.restart()
    cli.done("spool", "flush", "--timeout", "20")
    arrived = shop.arrived(given)
    assert max(arrived.values()) == 1, "nothing was flushed before the kills, so nothing comes twice"
    assert not shop.names()


def test_a_kill_while_the_spool_is_flushed_loses_nothing(shop: Shop, cli: Cli) -> None:
    """Ten processes, each killed a moment after Redis is back. Only what was sent and not forgotten may come twice."""
    given: set[str] = set()
    moments = random.Random(2)
    with frozen(shop.redis):
        running = [Process(shop.env, "many", f"f{number}", "200") for number in range(KILLS)]
        for each in running:
            each.hear(lambda line: "m199 " in line)
    for each in running:
        after(moments.uniform(0, 0.06))
        given |= ids(each.kill())
    cli.done("spool", "flush", "--timeout", "20")
    arrived = shop.arrived(given)
    assert len(given) == KILLS * 200
    assert none_twice(arrived)


def test_a_session_that_was_spooled_by_a_process_that_was_killed_arrives_in_order(shop: Shop, cli: Cli) -> None:
    shop.redis.kill()
    process = Process(shop.env, "sessions", "s")
    process.hear(lambda line: line.startswith("id sb/60 "))
    given = ids(process.kill())
    shop.redis.restart()
    cli.done("spool", "flush", "--timeout", "20")
    shop.arrived(given, SESSIONS)
    stored = shop.stored(SESSIONS)
    for session in ("sa", "sb"):
        numbers = numbers_of(stored, session)
        assert numbers == list(range(len(numbers)))
        assert len(numbers) > 60


def test_an_orphan_is_adopted_by_exactly_one_of_several_processes(shop: Shop) -> None:
    shop.redis.kill()
    first = Process(shop.env, "many", "orphan", "500")
    first.hear(lambda line: "m499 " in line)
    given = ids(first.kill())
    shop.redis.restart()
    others = [Process(shop.env, "idle", f"o{number}") for number in range(3)]
    for each in others:
        each.hear(lambda line: line.startswith("id "))
    given |= {f"o{number}" for number in range(3)}
    shop.arrived(given)
    assert accepted(shop) == len(given) == 503, "each event was sent once"
    assert [each.end() for each in others] == [0, 0, 0]
    assert not shop.names()


@pytest.mark.parametrize("first_to_go", ["parent", "child"])
def test_a_fork_with_an_open_spool_gives_the_child_a_file_of_its_own(shop: Shop, cli: Cli, first_to_go: str) -> None:
    """Neither writes to the other's, and a parent that is killed leaves an orphan, whatever its child has inherited."""
    shop.redis.kill()
    process = Process(shop.env, "fork", "f")
    said = {process.hear(lambda line: line.startswith(("parent ", "child "))) for _ in range(2)}
    pids = dict(line.split() for line in said)
    files = {each.pid: each for each in shop.files()}
    assert {pid: (each.state, each.events) for pid, each in files.items()} == {
        pids["parent"]: ("alive", 1),
        pids["child"]: ("alive", 1),
    }
    if first_to_go == "parent":
        process.process.kill()
        process.process.wait(10)
        eventually(lambda: {each.pid: each.state for each in shop.files()}[pids["parent"]] == "orphan")
    assert process.process.stdin is not None
    process.process.stdin.close()  # the child ends in order
    eventually(lambda: {each.state for each in shop.files()} == {"orphan"})
    if first_to_go == "child":
        assert process.end() == 0
    shop.redis.restart()
    cli.done("spool", "flush", "--timeout", "20")
    arrived = shop.arrived({"f-parent", "f-child"})
    assert sum(arrived.values()) == 2
