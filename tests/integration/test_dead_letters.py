"""`forwarder dlq`: an operator sees why Rokt refused an event, and sends it again or gives it up."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration.support import Forwarder, ids_of, running, sample, samples
from worker.stack.redis_server import EmbeddedRedis

KEYS = {
    "id",
    "destination",
    "account",
    "event",
    "reasons",
    "status",
    "trace_id",
    "attempts",
    "enqueued_at",
    "died_at",
    "expires_at",
}
FIRST, SECOND = "70001", "70002"
CURRENCY, AMOUNT, UNKNOWN_TYPE = "UnknownCurrency", "BadAmount", "UnknownEventType"
TYPO = "conversoin"
RULES: list[dict[str, Any]] = [
    {"match": {"event": {"objectData.currency": "XXX"}}, "refuse": True, "code": CURRENCY, "message": "not known"},
    {"match": {"event": {"objectData.amount": "-1"}}, "refuse": True, "code": AMOUNT, "message": "[red]below 0\x1b[2J"},
    {"match": {"event": {"eventType": TYPO}}, "refuse": True, "code": UNKNOWN_TYPE, "message": "not known"},
]


@pytest.fixture(scope="module")
def forwarder(redis_server: EmbeddedRedis, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forwarder]:
    """Seven letters of two accounts and two codes, and good events that were delivered."""
    with running(redis_server.url, tmp_path_factory.mktemp("letters")) as started:
        started.sandbox.faults(*RULES)
        lines = [*samples(FIRST, 3, currency="XXX"), *samples(SECOND, 2, currency="XXX")]
        lines += [*samples(SECOND, 2, first=10, amount="-1"), *samples(FIRST, 20, first=100)]
        started.cli.enqueue(lines)
        assert started.cli.drain()["dead"] == 7
        yield started


def ids(letters: list[dict[str, Any]]) -> set[str]:
    return {letter["id"] for letter in letters}


def test_the_json_list_has_exactly_the_keys_of_the_contract(forwarder: Forwarder) -> None:
    letters = forwarder.cli.letters()
    assert len(letters) == 7
    for letter in letters:
        assert letter.keys() == KEYS
        assert letter["destination"] == "event-api"
        assert letter["event"]["clientEventId"] == letter["id"]
        assert letter["enqueued_at"] <= letter["died_at"] < letter["expires_at"]
        assert (letter["status"], letter["attempts"]) == (200, 1)
        assert len(letter["reasons"]) == 1


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (["--account", FIRST], ids_of(samples(FIRST, 3))),
        (["--code", AMOUNT], ids_of(samples(SECOND, 2, first=10))),
        (["--account", SECOND, "--code", CURRENCY], ids_of(samples(SECOND, 2))),
        (["--account", FIRST, "--code", AMOUNT], set()),
        (["--account", "nobody"], set()),
        (["--destination", "event-api", "--code", CURRENCY], ids_of(samples(FIRST, 3) + samples(SECOND, 2))),
    ],
)
def test_the_list_is_filtered(forwarder: Forwarder, filters: list[str], expected: set[str]) -> None:
    assert ids(forwarder.cli.letters(*filters)) == expected


def test_the_list_is_limited_and_newest_first(forwarder: Forwarder) -> None:
    letters = forwarder.cli.letters("--limit", "4")
    assert len(letters) == 4
    died = [letter["died_at"] for letter in forwarder.cli.letters()]
    assert died == sorted(died, reverse=True)


def test_the_table_shows_what_a_stranger_wrote_without_obeying_it(forwarder: Forwarder) -> None:
    """Rokt's message may hold markup and control characters; a terminal must not act on them."""
    table = forwarder.cli.done("dlq", "list", COLUMNS="200").out
    assert table.count(AMOUNT) == 2
    assert "[red]below 0?[2J" in table
    assert "\x1b" not in table


def test_show_gives_one_letter_in_full_with_its_history(forwarder: Forwarder) -> None:
    (letter,) = forwarder.cli.done("dlq", "show", f"{FIRST}-0", "--json").json
    assert letter.keys() == KEYS | {"history"}
    (death,) = letter["history"]
    assert death["reasons"] == letter["reasons"] == [{"code": CURRENCY, "message": "not known"}]
    assert death["trace_id"] == letter["trace_id"]
    assert f"{FIRST}-0" in forwarder.cli.done("dlq", "show", f"{FIRST}-0").out


def test_show_of_an_unknown_id_says_so(forwarder: Forwarder) -> None:
    ended = forwarder.cli.run("dlq", "show", "nobody-knows", "--json")
    assert (ended.status, ended.out) == (1, "")
    assert "nobody-knows" in ended.err


def test_stats_count_letters_by_account_and_code(forwarder: Forwarder) -> None:
    rows = forwarder.cli.done("dlq", "stats", "--json").json
    counts = {(row["destination"], row["account"], row["code"]): row["letters"] for row in rows}
    assert counts == {
        ("event-api", FIRST, CURRENCY): 3,
        ("event-api", SECOND, CURRENCY): 2,
        ("event-api", SECOND, AMOUNT): 2,
    }
    table = forwarder.cli.done("dlq", "stats").out
    assert CURRENCY in table
    assert FIRST in table


@pytest.mark.parametrize(
    "arguments",
    [
        ["replay"],
        ["discard"],
        ["show"],
        ["list", "--destination", "postcards"],
        ["replay", "--all", "--colour"],
        ["list", "--limit", "0"],
        [],
    ],
)
def test_wrong_usage_ends_with_two_and_changes_nothing(forwarder: Forwarder, arguments: list[str]) -> None:
    ended = forwarder.cli.run("dlq", *arguments)
    assert ended.status == 2, ended
    assert "Traceback" not in ended.err
    assert ended.err or not arguments


def test_an_id_that_no_letter_has_fails_by_name_and_the_others_go(forwarder: Forwarder) -> None:
    """Exit status 1; the good id was moved all the same."""
    forwarder.cli.enqueue([sample("70009", 1, currency="XXX")])
    forwarder.cli.drain()
    ended = forwarder.cli.run("dlq", "discard", "70009-1", "nobody-knows", "--yes", "--json")
    assert (ended.status, ended.json) == (1, {"discarded": 1, "missing": ["nobody-knows"]})
    assert "nobody-knows" in ended.err
    assert forwarder.cli.run("dlq", "replay", "70009-1", "--yes").status == 1, "a discarded letter is gone"


def test_an_event_that_was_refused_for_its_type_is_edited_replayed_and_delivered(forwarder: Forwarder) -> None:
    """Under its first id and time; what it was before is told by nobody but its history."""
    line = sample("70010", 1)
    line["event"]["eventType"] = TYPO
    forwarder.cli.enqueue([line])
    forwarder.cli.drain()
    (letter,) = forwarder.cli.letters("--code", UNKNOWN_TYPE)
    forwarder.cli.done("dlq", "edit", letter["id"], "--set", "eventType=conversion", "--why", "a typo")
    (shown,) = forwarder.cli.done("dlq", "show", letter["id"], "--json").json
    assert [each["edited"]["original"] for each in shown["history"] if "edited" in each] == [letter["event"]]
    forwarder.cli.done("dlq", "replay", "--code", UNKNOWN_TYPE, "--yes")
    forwarder.cli.drain()
    assert forwarder.sandbox.event(letter["id"]) == {**letter["event"], "eventType": "conversion"}
    assert forwarder.sandbox.ids("70010") == {"70010": {letter["id"]: 1}}
    assert forwarder.cli.letters("--account", "70010") == []
    entries = forwarder.cli.done("audit", "--json", "--action", "dlq edit", "--limit", "1").json
    assert [(each["why"], each["details"]["fields"]) for each in entries] == [("a typo", ["eventType"])]
