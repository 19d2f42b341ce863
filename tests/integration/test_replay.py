"""Replay sends dead letters again with their first ids and times; discard gives them up. The ledger tells of both."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any, NamedTuple

import pytest

from tests.integration.support import Cli, Forwarder, ids_of, running, sample, samples, times_accepted
from tests.support.sandbox import Sandbox
from worker.stack.redis_server import EmbeddedRedis

REFUSE_ALL: dict[str, Any] = {"refuse": True, "code": "NotToday"}
_numbers = count(1)


class Dead(NamedTuple):
    """250 letters of account `many`, 20 of `few`; nothing else is dead, and Rokt has mended the cause."""

    cli: Cli
    sandbox: Sandbox
    many: str
    few: str
    letters: list[dict[str, Any]]

    @property
    def ids(self) -> set[str]:
        return {letter["id"] for letter in self.letters}

    def accepted(self) -> dict[str, int]:
        return times_accepted(self.sandbox, self.many) | times_accepted(self.sandbox, self.few)


@pytest.fixture(scope="module")
def forwarder(redis_server: EmbeddedRedis, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forwarder]:
    with running(redis_server.url, tmp_path_factory.mktemp("replay")) as started:
        yield started


@pytest.fixture
def dead(forwarder: Forwarder) -> Dead:
    cli, sandbox, _ = forwarder
    number = next(_numbers)
    many, few = f"many-{number}", f"few-{number}"
    cli.done("dlq", "discard", "--all", "--yes")
    sandbox.faults(REFUSE_ALL)
    lines = [*samples(many, 250), *samples(few, 20)]
    cli.enqueue(lines)
    cli.drain()
    sandbox.faults()
    letters = cli.letters()
    assert {letter["id"] for letter in letters} == ids_of(lines)
    return Dead(cli, sandbox, many, few, letters)


def test_letters_replayed_by_id_by_filter_and_all_keep_their_ids_and_times(dead: Dead) -> None:
    """What Rokt receives is the event as it was."""
    cli, delivered = dead.cli, dead.cli.ledger()["delivered"]
    two = {f"{dead.many}-7", f"{dead.many}-9"}
    assert cli.done("dlq", "replay", *two, "--yes", "--json").json == {"replayed": 2, "missing": []}
    assert cli.drain()["dead"] == 268
    assert dead.accepted() == dict.fromkeys(two, 1)
    assert "20 replayed" in cli.done("dlq", "replay", "--account", dead.few, "--code", "NotToday", "--yes").out
    assert cli.drain()["dead"] == 248
    assert cli.done("dlq", "replay", "--all", "--yes", "--json").json["replayed"] == 248
    ledger = cli.drain()
    assert (ledger["dead"], ledger["delivered"] - delivered) == (0, 270)
    assert dead.accepted() == dict.fromkeys(dead.ids, 1)
    for letter in (*dead.letters[:3], dead.letters[200], dead.letters[-1]):
        assert dead.sandbox.event(letter["id"]) == letter["event"]
    assert cli.letters() == []
    assert cli.done("dlq", "stats", "--json").json == []


def test_a_letter_that_dies_again_keeps_its_first_times_and_its_history(dead: Dead) -> None:
    event_id = f"{dead.few}-3"
    dead.sandbox.faults({"refuse": True, "code": "StillNot"})
    dead.cli.done("dlq", "replay", event_id, "--yes")
    dead.cli.drain()
    (first,) = [letter for letter in dead.letters if letter["id"] == event_id]
    (again,) = dead.cli.done("dlq", "show", event_id, "--json").json
    assert [entry["reasons"][0]["code"] for entry in again["history"]] == ["NotToday", "StillNot"]
    assert (again["reasons"][0]["code"], again["attempts"]) == ("StillNot", 2)
    for kept in ("event", "enqueued_at", "expires_at"):
        assert again[kept] == first[kept]
    assert again["died_at"] > first["died_at"]


def test_discarded_letters_are_counted_and_gone(dead: Dead) -> None:
    before = dead.cli.ledger()["discarded"]
    assert "1 discarded" in dead.cli.done("dlq", "discard", f"{dead.few}-0", "--yes").out
    assert dead.cli.done("dlq", "discard", "--account", dead.few, "--yes", "--json").json["discarded"] == 19
    assert "250 discarded" in dead.cli.done("dlq", "discard", "--all", "--yes").out
    ledger = dead.cli.ledger()
    assert (ledger["dead"], ledger["discarded"] - before) == (0, 270)
    assert dead.cli.letters() == []
    assert dead.accepted() == {}


def test_two_letters_of_one_id_are_both_replayed(dead: Dead) -> None:
    """Without a window in which an id is accepted once, or after it, each is an event of its own."""
    dead.sandbox.faults(REFUSE_ALL)
    dead.cli.enqueue([sample(dead.many, 0)], FORWARDER_DUPLICATES_WINDOW_S="0")
    dead.cli.drain()
    dead.sandbox.faults()
    assert dead.cli.done("dlq", "replay", f"{dead.many}-0", "--yes", "--json").json["replayed"] == 2
    dead.cli.drain()
    assert dead.accepted() == {f"{dead.many}-0": 2}
