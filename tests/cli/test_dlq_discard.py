"""`forwarder dlq discard`: it says what would go, goes on by chunks, and the audit has how much of it was done."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import typer
from redis.asyncio import Redis
from rich.progress import Progress
from typer.testing import CliRunner

from producers.settings import buffer_settings
from tests.cli.conftest import entries
from tests.cli.letters import die
from tests.integration.support import Cli, samples
from worker.cli import context
from worker.cli.dlq import app, discarding
from worker.connection.client import with_redis
from worker.dead_letters import DeadLetters, Filter
from worker.dead_letters.choice import Choice
from worker.dead_letters.finding import Finder
from worker.replay import Replays
from worker.settings import caps_of

FIRST, SECOND = "49001", "49002"


@pytest.fixture
async def dead(cli: Cli, redis: Redis, prefix: str) -> Cli:
    """250 letters of one account, and then two of another, for another reason."""
    cli.enqueue(samples(FIRST, 250))
    await die(redis, prefix, code="[red]Bad\x1b")
    cli.enqueue(samples(SECOND, 2))
    await die(redis, prefix, code="Worse")
    return cli


def left(cli: Cli) -> int:
    return int(cli.ledger()["dead"])


async def test_a_dry_run_says_how_many_of_what_and_from_when(dead: Cli) -> None:
    told = dead.done("dlq", "discard", "--all", "--dry-run", "--json").json
    assert (told["would_discard"], told["missing"]) == (252, [])
    assert told["by"] == [
        {"destination": "event-api", "account": FIRST, "code": "[red]Bad\x1b", "letters": 250},
        {"destination": "event-api", "account": SECOND, "code": "Worse", "letters": 2},
    ]
    assert told["oldest_died_at"] < told["newest_died_at"]
    text = dead.done("dlq", "discard", "--all", "--dry-run", "--limit", "249").out
    assert text.startswith("249 dead letters, which died from 20")
    assert "  249 of event-api, account 49001: [red]Bad?\n" in text
    assert SECOND not in text, "the oldest go first"
    one = dead.done("dlq", "discard", f"{SECOND}-1", "--dry-run", "--json").json
    assert (one["would_discard"], one["oldest_died_at"]) == (1, one["newest_died_at"])
    nobody = dead.run("dlq", "discard", "nobody", "--dry-run")
    assert (nobody.status, nobody.out) == (1, "nothing would be discarded\n")
    assert "no dead letter has the id nobody" in nobody.err
    assert (left(dead), entries(dead)) == (252, [])


async def test_the_oldest_go_up_to_the_limit_and_the_audit_says_why_and_how_many(dead: Cli) -> None:
    ended = dead.done("dlq", "discard", "--code", "[red]Bad\x1b", "--limit", "120", "--why", "too old", "--yes")
    assert ended.out == "120 discarded\n"
    ids = {letter["id"] for letter in dead.letters()}
    assert len(ids) == 132
    assert {f"{SECOND}-{number}" for number in range(2)} <= ids
    entry, begun = entries(dead)
    assert begun["details"] == {"code": "[red]Bad\x1b", "limit": 120, "chosen": 120}
    assert entry["details"] == {**begun["details"], "discarded": 120}
    assert (begun["action"], entry["action"], entry["why"]) == ("dlq discard begun", "dlq discard", "too old")
    partly = dead.run("dlq", "discard", f"{SECOND}-0", "nobody", "--json")
    assert (partly.status, partly.json) == (1, {"discarded": 1, "missing": ["nobody"]})
    assert entries(dead)[0]["details"] == {"ids": 2, "chosen": 1, "discarded": 1}
    assert dead.run("dlq", "discard", "nobody", "--json").json == {"discarded": 0, "missing": ["nobody"]}
    assert len(entries(dead)) == 4, "what changed nothing is not noted"


async def test_it_asks_on_a_terminal_and_no_is_no(dead: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the question stands what would go."""
    asked: list[str] = []
    _here(dead, monkeypatch)
    monkeypatch.setattr(discarding, "asks", lambda yes: not yes)
    monkeypatch.setattr(typer, "confirm", lambda question: asked.append(question))
    monkeypatch.setattr(context, "asks", lambda yes: not yes)
    ended = await asyncio.to_thread(CliRunner().invoke, app, ["discard", "--all"])
    assert (ended.exit_code, asked) == (1, ["discard 252 dead letters for good?"])
    assert "  250 of event-api, account 49001: [red]Bad?\n" in ended.output
    assert (left(dead), entries(dead)) == (252, [])


async def test_one_that_is_broken_off_tells_how_many_went(dead: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """As by Ctrl-C, in the second hundred."""
    _here(dead, monkeypatch)
    chunks = 0

    def moved(_self: Any, _task: Any, **_: int) -> None:
        nonlocal chunks
        chunks += 1
        if chunks == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(Progress, "update", moved)
    ended = await asyncio.to_thread(CliRunner().invoke, app, ["discard", "--all", "--yes"])
    assert ended.exit_code not in (0, None)
    entry, begun = entries(dead)
    assert begun["details"] == {"chosen": 252}
    assert entry["details"] == {"chosen": 252, "discarded": 200, "broken_off": True}
    assert left(dead) == 52


async def test_letters_that_only_a_scan_finds_are_counted_as_well(dead: Cli) -> None:
    """And those of several slots are taken slot by slot."""
    buffer = buffer_settings(dead.env)

    async def choice(chosen: Filter, limit: int | None = None) -> Choice:
        async def work(redis: Redis) -> Choice:
            return await DeadLetters(redis, buffer, caps_of(dead.env)).choice(chosen, limit)

        return await with_redis(buffer.redis_url, work)

    by_text = await choice(Filter(text="jane.1@"))
    assert sorted(by_text.by.values()) == [1, 1]
    by_index = await choice(Filter(account=FIRST))
    by_scan = await choice(Filter(account=FIRST, attempts=1))
    assert by_index == by_scan._replace(lasts=None)
    assert await choice(Filter(attempts=1), 3) == await choice(Filter(), 3)


async def test_a_dry_run_of_many_looks_at_no_letter(dead: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counters and the ends of indexes tell all of it, also for a time; of a limit only as many are looked at."""
    buffer, looked = buffer_settings(dead.env), list[int]()
    places = Finder.places

    async def counted(*args: Any) -> AsyncIterator[Any]:
        async for page in places(*args):
            looked.append(len(page))
            yield page

    monkeypatch.setattr(Finder, "places", counted)

    async def work(redis: Redis) -> None:
        letters = DeadLetters(redis, buffer, caps_of(dead.env))
        replays = Replays(redis, buffer)
        seen = await letters.choice(Filter())
        assert (seen.total, len(seen.by), 0 < seen.oldest < seen.newest) == (252, 2, True)
        assert (await letters.choice(Filter(code="Worse"))).total == 2
        assert (await letters.choice(Filter(since=seen.newest))).total == 2
        assert (await letters.choice(Filter(until=seen.newest))).total == 250
        assert (await letters.choice(Filter(), 252)).total == 252
        for chosen in (Filter(), Filter(since=seen.oldest)):
            assert (await replays.preview(chosen)).movable.total() == 252
            assert (await replays.preview(chosen, 1_000)).movable.total() == 252
        assert looked == []

    await with_redis(buffer.redis_url, work)


async def test_what_died_after_the_look_stays(dead: Cli, redis: Redis, prefix: str) -> None:
    """And of a limit just those that were told of go, though others went meanwhile."""
    letters = DeadLetters(redis, buffer_settings(dead.env), caps_of(dead.env))
    whole, ten = await letters.choice(Filter()), await letters.choice(Filter(), 10)
    dead.enqueue(samples("49003", 3))
    await die(redis, prefix, code="Later")
    assert await letters.discard((await letters.choose(Filter()))[:4]) == 4
    assert await letters.discard_choice(Filter(), ten) == 6
    assert await letters.discard_choice(Filter(), whole) == 242
    assert left(dead) == 3


def _here(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command in this process, in the environment of the test."""
    for name, value in cli.env.items():
        if name.startswith("FORWARDER_"):
            monkeypatch.setenv(name, value)
