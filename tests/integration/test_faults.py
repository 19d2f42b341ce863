"""Whatever Rokt or the network does, every event is delivered at last or becomes a dead letter with Rokt's own reason.

One worker lives through all faults at once, an account each.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from math import ceil
from typing import Any

import pytest

from tests.integration.support import Forwarder, Line, ids_of, running, sample, samples, times_accepted
from worker.stack.redis_server import EmbeddedRedis

Letters = Mapping[str, list[dict[str, Any]]]
EVENTS = 250  # three requests of an account
ATTEMPTS = 12
HTML = "<html>502 Bad Gateway</html>"

NOT_TAKEN: dict[str, dict[str, Any]] = {
    "500 at times": {"status": 500, "probability": 0.3},
    "503 from a proxy": {"status": 503, "body": HTML, "times": 4},
    "429": {"status": 429, "times": 4},
    "429 with Retry-After": {"status": 429, "retry_after": "1", "times": 2},
    "404": {"status": 404, "times": 2},
    "redirect": {"status": 301, "times": 2},
    "408": {"status": 408, "times": 2},
    "400 from a proxy": {"status": 400, "body": HTML, "times": 2},
    "400 body read error": {"status": 400, "code": "RequestBodyReadError", "times": 2},
    "connection closed before": {"close": "before", "times": 4},
    "hang": {"hang": True, "times": 2},
    "200 with garbage": {"status": 200, "body": "\x00garbage", "times": 2},
    "200 with a page": {"status": 200, "body": HTML, "times": 2},
    "200 with half an answer": {"status": 200, "body": '{"data":{"unprocessed', "times": 2},
    "200 without the list": {"status": 200, "body": '{"data":{}}', "times": 2},
    "200 of another API": {"status": 200, "body": "[]", "times": 2},
    "204": {"status": 204, "body": "", "times": 2},
}
TAKEN: dict[str, dict[str, Any]] = {
    "connection closed after": {"close": "after", "times": 2},
    "answer after the time-out": {"delay": 2.5, "times": 2},
}
BAD = {"event": {"objectData.currency": "XXX"}}
REFUSED: dict[str, Any] = {"match": BAD, "refuse": True, "code": "UnknownCurrency"}
MESSAGE = "currency is not known"


def sent_to(account: str) -> list[Line]:
    """More where a fault comes by chance, so that it surely comes."""
    return samples(account, 3_000 if "probability" in NOT_TAKEN.get(account, {}) else EVENTS)


def bad_ones(account: str) -> list[Line]:
    return [sample(account, number, currency="XXX") for number in range(1_000, 1_007)]


def rules() -> list[dict[str, Any]]:
    faults = {**NOT_TAKEN, **TAKEN, "always 500": {"status": 500, "message": "it is broken"}}
    return [
        *({**fault, "match": {"account": account}} for account, fault in faults.items()),
        {**REFUSED, "match": {"account": "rewritten", **BAD}, "rewrite": True, "message": MESSAGE},
        {**REFUSED, "match": {"account": "renamed", **BAD}, "rewrite": {"clientEventId": "another"}},
        {**REFUSED, "message": MESSAGE},
    ]


@pytest.fixture(scope="module")
def lived(redis_server: EmbeddedRedis, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forwarder]:
    """A forwarder after all faults, with nothing left to deliver."""
    variables = {"FORWARDER_HTTP_TIMEOUT_S": "2", "FORWARDER_LEASE_S": "6", "FORWARDER_MAX_ATTEMPTS": str(ATTEMPTS)}
    variables["FORWARDER_CIRCUIT_FAILURES"] = "0"  # it would stop all accounts for the sake of the worst
    with running(redis_server.url, tmp_path_factory.mktemp("faults"), **variables) as forwarder:
        forwarder.sandbox.faults(*rules(), seed=5)
        lines = [line for account in (*NOT_TAKEN, *TAKEN) for line in sent_to(account)]
        lines += samples("always 500", 120)
        lines += [line for account in ("refused", "rewritten") for line in samples(account, EVENTS) + bad_ones(account)]
        lines += [*samples("renamed", 9), sample("renamed", 1_000, currency="XXX")]
        forwarder.cli.enqueue(lines)
        forwarder.cli.drain()
        yield forwarder


@pytest.fixture(scope="module")
def letters(lived: Forwarder) -> Letters:
    """All dead letters, by account."""
    found: Letters = defaultdict(list)
    for letter in lived.cli.letters():
        found[letter["account"]].append(letter)
    return found


@pytest.mark.parametrize("account", NOT_TAKEN)
def test_events_that_were_not_taken_are_delivered_at_last_and_once(
    lived: Forwarder, letters: Letters, account: str
) -> None:
    lines = sent_to(account)
    assert times_accepted(lived.sandbox, account) == dict.fromkeys(ids_of(lines), 1)
    assert len(lived.sandbox.requests(account)) > ceil(len(lines) / 100), "the fault never came"
    assert letters[account] == []


@pytest.mark.parametrize("account", TAKEN)
def test_events_whose_answer_was_lost_are_sent_again(lived: Forwarder, letters: Letters, account: str) -> None:
    """At least once: the duplicates are those of the requests whose answer was lost."""
    accepted = times_accepted(lived.sandbox, account)
    unanswered = [request["events"] for request in lived.sandbox.requests(account) if request["status"] is None]
    assert accepted.keys() == ids_of(samples(account, EVENTS))
    assert sum(accepted.values()) - EVENTS == sum(unanswered)
    assert letters[account] == []


@pytest.mark.parametrize("account", ["refused", "rewritten"])
def test_refused_records_become_dead_letters_and_the_rest_is_delivered(
    lived: Forwarder, letters: Letters, account: str
) -> None:
    """Each with Rokt's code and message and the trace id of the answer, even when Rokt echoes other fields."""
    assert {letter["id"] for letter in letters[account]} == ids_of(bad_ones(account))
    traces = {request["trace_id"] for request in lived.sandbox.requests(account)}
    for letter in letters[account]:
        assert letter["reasons"] == [{"code": "UnknownCurrency", "message": MESSAGE}]
        assert (letter["status"], letter["attempts"]) == (200, 1)
        assert letter["trace_id"] in traces
    assert times_accepted(lived.sandbox, account) == dict.fromkeys(ids_of(samples(account, EVENTS)), 1)


def test_a_refusal_that_matches_no_event_takes_none_as_delivered_on_a_guess(lived: Forwarder, letters: Letters) -> None:
    """All candidates are sent again one by one, until the refused one is known."""
    assert [letter["id"] for letter in letters["renamed"]] == ["renamed-1000"]
    assert times_accepted(lived.sandbox, "renamed").keys() == ids_of(samples("renamed", 9))
    assert sorted(request["events"] for request in lived.sandbox.requests("renamed")) == [1] * 10 + [10]


def test_after_the_last_attempt_the_events_are_dead_with_the_last_reason(lived: Forwarder, letters: Letters) -> None:
    dead = letters["always 500"]
    assert {letter["id"] for letter in dead} == ids_of(samples("always 500", 120))
    assert {letter["attempts"] for letter in dead} == {ATTEMPTS}
    assert {letter["status"] for letter in dead} == {500}
    assert all(letter["reasons"] == [{"code": "InternalServerError", "message": "it is broken"}] for letter in dead)
    assert len(lived.sandbox.requests("always 500")) == 2 * ATTEMPTS
