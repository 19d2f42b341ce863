"""`forwarder audit`: who did what, why and how much of it; what was killed half way shows, too."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from redis.asyncio import Redis

from tests.cli.conftest import entries
from tests.integration.support import Cli, sample
from worker.operating.audit import Wanted, acting, note
from worker.operating.audit import entries as read


def test_pauses_and_resumptions_are_noted(cli: Cli) -> None:
    """With the reason, before and after: a kill in between would leave the first word."""
    cli.done("pause", "event-api", "--account", "7", "--reason", "[red]maintenance")
    cli.done("resume", "event-api", "--account", "7", "--why", "it is over")
    whose = {"destination": "event-api", "account": "7"}
    paused = {**whose, "reason": "[red]maintenance"}
    assert [(each["action"], each["details"], each["why"]) for each in entries(cli)] == [
        ("resume", {**whose, "resumed": 1}, "it is over"),
        ("resume begun", whose, "it is over"),
        ("pause", paused, "[red]maintenance"),
        ("pause begun", paused, "[red]maintenance"),
    ]
    assert len({(each["by"], each["via"], each["run"]) for each in entries(cli)}) == 2
    table = cli.done("audit", COLUMNS="200").out
    assert "[red]maintenance" in table
    assert "begun" not in table, "an action that has an end is told once"
    assert "destination event-api, account 7, resumed 1" in table


async def test_what_was_done_is_found_by_action_by_who_did_it_and_by_time(redis: Redis, prefix: str, cli: Cli) -> None:
    for number, (action, by) in enumerate([("dlq edit", "ann@a"), ("dlq discard", "bob@a"), ("erase", "ann@b")]):
        await note(redis, prefix, action, {"n": number}, by=by)

    def numbers(*options: str) -> list[int]:
        return [entry["details"]["n"] for entry in entries(cli, *options)]

    assert numbers() == [2, 1, 0]
    assert numbers("--action", "dlq") == [1, 0]
    assert numbers("--action", "dlq edit") == [0]
    assert numbers("--action", "dl") == []
    assert numbers("--by", "ann") == [2, 0]
    assert numbers("--by", "ann@b") == [2]
    assert numbers("--by", "nn") == []
    assert numbers("--since", "1h", "--limit", "2") == [2, 1]
    assert numbers("--since", "2999-01-01T00:00:00Z") == []
    ended = cli.run("audit", "--since", "yesterday")
    assert (ended.status, "--since" in ended.err) == (2, True)


async def test_more_entries_than_a_page_are_listed_each_once(redis: Redis, prefix: str) -> None:
    for number in range(7):
        await note(redis, prefix, "erase" if number % 2 else "pause", {"n": number})
    for limit, wanted in ((None, [5, 3, 1]), (2, [5, 3])):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("worker.operating.audit.PAGE", 2)
            found = await read(redis, prefix, limit, Wanted("erase"))
        assert [entry["details"]["n"] for entry in found] == wanted


async def test_an_action_that_fails_half_way_says_what_was_done_until_then(redis: Redis, prefix: str) -> None:
    async def fail() -> None:
        async with acting(redis, prefix, "dlq discard", {"chosen": 9}, why="tidy", via="console", by="ann@c") as told:
            told["discarded"] = 4
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail()
    ended, begun = await read(redis, prefix)
    assert ended["details"] == {"chosen": 9, "discarded": 4, "broken_off": True}
    assert begun["details"] == {"chosen": 9}
    assert [(each["by"], each["via"], each["why"]) for each in (ended, begun)] == [("ann@c", "console", "tidy")] * 2


async def test_one_that_was_killed_has_left_its_first_word(redis: Redis, prefix: str, cli: Cli) -> None:
    await note(redis, prefix, "dlq discard begun", {"chosen": 9}, run="a")
    assert "begun; it has no end yet, or was killed" in cli.done("audit", COLUMNS="250").out
    assert [entry["action"] for entry in entries(cli)] == ["dlq discard begun"]


async def test_entries_of_an_older_version_are_read(redis: Redis, prefix: str, cli: Cli) -> None:
    old = '{"at": "2026-01-01T00:00:00.000Z", "by": "ann@a", "action": "erase", "details": {"reason": "hers"}}'
    await redis.xadd(f"{prefix}:audit", {"entry": old})
    (entry,) = entries(cli)
    assert (entry["via"], entry["why"]) == ("cli", "")
    assert "hers" in cli.done("audit", COLUMNS="200").out


def test_nothing_is_noted_of_what_was_not_done(cli: Cli, tmp_path: Any) -> None:
    """Wrong usage, a dry run, and a flush of a spool in which nothing waits."""
    cli.enqueue([sample("45001", 1)])
    assert cli.run("pause", "postcards").status == 2
    assert cli.run("resume", "event-api", "--account", "").status == 2
    cli.done("erase", "--email", "jane@example.com", "--dry-run")
    cli.done("spool", "flush", FORWARDER_SPOOL_DIR=str(tmp_path / "spool"))
    assert entries(cli) == []


def test_the_loop_of_a_caller_that_is_cancelled_still_tells(redis_server: Any, prefix: str) -> None:
    """As Ctrl-C does it."""
    from worker.connection.client import with_redis

    async def work(redis: Redis) -> None:
        async with acting(redis, prefix, "dlq discard", {}) as told:
            told["discarded"] = 1
            raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(with_redis(redis_server.url, work))
    ended, _ = asyncio.run(with_redis(redis_server.url, lambda redis: read(redis, prefix)))
    assert ended["details"] == {"discarded": 1, "broken_off": True}


@pytest.mark.parametrize("name", ["op", "root@vm", "root", "op (root@vm)"])
def test_who_acted_in_the_console_is_found_by_each_name(name: str) -> None:
    assert Wanted(by=name).takes({"action": "pause", "by": "op (root@vm)"})
    assert not Wanted(by=name).takes({"action": "pause", "by": "other (ann@host)"})
    assert Wanted(by="root").takes({"action": "pause", "by": "root@vm"})
    assert not Wanted(by="vm").takes({"action": "pause", "by": "root@vm"})
