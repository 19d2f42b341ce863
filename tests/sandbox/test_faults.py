"""Every fault does to a real client what it says, and repeats with its seed."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import httpx
import pytest

from .conftest import Client
from .samples import ACCOUNT, HEADERS, PATH, authorization, encode, event, payload

DOCUMENTED = [
    (400, "RequestValidationError"),
    (401, "UnauthorizedError"),
    (403, "Forbidden"),
    (413, "RequestEntityTooLarge"),
    (422, "UnprocessableEntity"),
    (429, "TooManyRequests"),
    (500, "InternalServerError"),
    (502, "ServiceUnavailableError"),
    (503, "ServiceUnavailableError"),
    (504, "Status504"),
]


def statuses(sandbox: Client, requests: int = 30) -> list[int]:
    return [sandbox.send(f"e-{number}").status_code for number in range(requests)]


def raw_answer(sandbox: Client) -> bytes:
    """All bytes that come back for one good request, until the connection ends."""
    body = encode(payload(event("raw")))
    head = "".join(f"{name}: {value}\r\n" for name, value in HEADERS.items())
    url = httpx.URL(sandbox.url)
    with socket.create_connection((url.host, url.port or 80), timeout=10) as connection:
        connection.sendall(
            f"POST {PATH} HTTP/1.1\r\nHost: x\r\n{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
        )
        try:
            return connection.recv(65_536)
        except ConnectionResetError:
            return b""


@pytest.mark.parametrize(("status", "code"), DOCUMENTED)
def test_a_status_comes_with_its_documented_body_and_takes_nothing_in(sandbox: Client, status: int, code: str) -> None:
    sandbox.rules({"status": status})
    answer = sandbox.send("a")
    assert answer.status_code == status
    assert answer.json()["data"]["code"] == code
    assert answer.headers["X-Rokt-Trace-Id"]
    assert sandbox.accepted() == {}


@pytest.mark.parametrize("code", ["RequestBodyReadError", "RequestJsonUnmarshalError", "SomethingNew"])
def test_a_status_may_name_another_code_and_message(sandbox: Client, code: str) -> None:
    sandbox.rules({"status": 400, "code": code, "message": "m"})
    assert sandbox.send("a").json() == {"data": {"code": code, "message": "m"}}


@pytest.mark.parametrize(("retry_after", "header"), [(7, "7"), ("Wed, 21 Oct 2026 07:28:00 GMT",) * 2])
def test_429_may_say_when_to_come_back(sandbox: Client, retry_after: Any, header: str) -> None:
    sandbox.rules({"status": 429, "retry_after": retry_after}, {"status": 429})
    assert sandbox.send("a").headers["Retry-After"] == header
    sandbox.rules({"status": 429})
    assert "Retry-After" not in sandbox.send("a").headers


@pytest.mark.parametrize("status", [200, 204, 302, 502])
def test_a_raw_body_is_answered_as_it_is(sandbox: Client, status: int) -> None:
    sandbox.rules({"status": status, "body": "<html>é"})
    answer = sandbox.send("a")
    assert (answer.status_code, answer.text) == (status, "" if status == 204 else "<html>é")
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert sandbox.accepted() == {}


def test_refuse_reports_only_the_matching_records_and_takes_the_others_in(sandbox: Client) -> None:
    bad = event("bad", eventType="conversion")
    match = {"event": {"eventType": "conversion"}}
    sandbox.rules({"match": match, "refuse": True, "code": "C", "message": "M"})
    answer = sandbox.post(payload(event("a"), bad, event("b")))
    assert answer.status_code == 200
    assert answer.json() == {"data": {"unprocessedRecords": [{"error": {"code": "C", "message": "M"}, "record": bad}]}}
    assert sandbox.accepted() == {"a": 1, "b": 1}


def test_refuse_has_the_samples_code_and_message_by_default(sandbox: Client) -> None:
    sandbox.rules({"refuse": True})
    records = sandbox.send("a", "b").json()["data"]["unprocessedRecords"]
    assert [record["error"] for record in records] == [{"code": "ValidationError", "message": "Invalid content"}] * 2
    assert [record["record"]["clientEventId"] for record in records] == ["a", "b"]


def test_records_refused_by_several_rules_come_back_in_the_order_of_the_request(sandbox: Client) -> None:
    def rule(event_id: str) -> dict[str, Any]:
        return {"match": {"event": {"clientEventId": event_id}}, "refuse": True, "code": event_id}

    sandbox.rules(rule("c"), rule("a"), {**rule("a"), "code": "second"})
    records = sandbox.send("a", "b", "c").json()["data"]["unprocessedRecords"]
    assert [record["error"]["code"] for record in records] == ["a", "c"]


def test_a_rewritten_echo_differs_as_in_the_documents_sample(sandbox: Client) -> None:
    entries = [{"name": "email", "value": "jane@example.com"}, {"name": "amount", "value": "1"}]
    sent = event("a", metaData=[{"name": "n", "value": "v"}], objectData=entries)
    sandbox.rules({"refuse": True, "rewrite": True})
    echo = sandbox.post(payload(sent)).json()["data"]["unprocessedRecords"][0]["record"]
    assert echo == {
        "clientEventId": "a",
        "eventType": "conversion",
        "eventTime": sent["eventTime"],
        "objectData": entries[:1],
    }


def test_an_echo_can_be_rewritten_field_by_field(sandbox: Client) -> None:
    sent = event("a")
    sandbox.rules({"refuse": True, "rewrite": {"clientEventId": "unheard-of"}})
    echo = sandbox.post(payload(sent)).json()["data"]["unprocessedRecords"][0]["record"]
    assert echo == sent | {"clientEventId": "unheard-of"}


def test_a_request_that_is_refused_anyway_spends_no_refusal_of_records(sandbox: Client) -> None:
    sandbox.rules({"refuse": True, "times": 1})
    assert sandbox.post(payload(event(eventType=""))).status_code == 400
    assert sandbox.ask("faults")["fired"] == [0]


def test_a_delayed_request_is_taken_in_at_once_and_answered_later(sandbox: Client) -> None:
    sandbox.rules({"delay": 0.15}, {"delay": 0.15})
    assert sandbox.send("a").status_code == 200
    (row,) = sandbox.ask("requests")["requests"]
    assert row["ended"] - row["arrived"] >= 0.3
    assert sandbox.accepted() == {"a": 1}


def test_a_client_that_goes_away_during_a_delay_gets_no_status(sandbox: Client) -> None:
    sandbox.rules({"delay": 60})
    with pytest.raises(httpx.ReadTimeout):
        sandbox.http.post(PATH, content=encode(payload(event("a"))), headers=HEADERS, timeout=0.1)
    assert_ends_without_an_answer(sandbox)
    assert sandbox.accepted() == {"a": 1}


def test_a_delay_and_a_status_go_together(sandbox: Client) -> None:
    sandbox.rules({"delay": 0.1}, {"status": 503})
    assert sandbox.send("a").status_code == 503
    (row,) = sandbox.ask("requests")["requests"]
    assert row["ended"] - row["arrived"] >= 0.1
    assert sandbox.accepted() == {}


def test_a_hanging_request_is_never_answered_nor_taken_in(sandbox: Client) -> None:
    sandbox.rules({"hang": True})
    with pytest.raises(httpx.ReadTimeout):
        sandbox.http.post(PATH, content=encode(payload(event("a"))), headers=HEADERS, timeout=0.2)
    assert_ends_without_an_answer(sandbox)
    assert sandbox.accepted() == {}


def assert_ends_without_an_answer(sandbox: Client) -> None:
    """The sandbox learns that a client has gone from its operating system, so this follows it for a while."""
    for _ in range(1_000):
        counts = sandbox.ask("summary")["requests"]
        if counts["in_flight"] == 0:
            break
    assert counts["by_status"] == {"none": 1}


@pytest.mark.parametrize(("when", "accepted"), [("before", {}), ("after", {"raw": 1})])
def test_close_ends_the_connection_without_a_byte(sandbox: Client, when: str, accepted: dict[str, int]) -> None:
    sandbox.rules({"close": when})
    assert raw_answer(sandbox) == b""
    assert sandbox.accepted() == accepted
    sandbox.rules()
    assert raw_answer(sandbox).startswith(b"HTTP/1.1 200 OK\r\n")


@pytest.mark.parametrize("when", ["before", "after"])
def test_close_is_a_broken_connection_to_an_http_client(sandbox: Client, when: str) -> None:
    sandbox.rules({"close": when, "times": 1})
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        sandbox.send("a")
    assert sandbox.send("a").status_code == 200


def test_close_after_takes_in_only_what_is_in_order(sandbox: Client) -> None:
    sandbox.rules({"close": "after"})
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        sandbox.post(payload(event("a", eventType="")))
    assert sandbox.accepted() == {}


def test_a_rule_fires_at_most_so_often(sandbox: Client) -> None:
    sandbox.rules({"status": 503, "times": 2}, {"status": 500, "times": 1})
    assert statuses(sandbox, 5) == [503, 503, 500, 200, 200]
    assert sandbox.ask("faults") == {"seed": 0, "fired": [2, 1]}


@pytest.mark.parametrize(
    ("match", "hit"),
    [
        ({}, True),
        ({"path": PATH}, True),
        ({"path": "/v1/events"}, False),
        ({"account": ACCOUNT}, True),
        ({"account": "other"}, False),
        ({"event": {"eventType": "booking"}}, True),
        ({"event": {"eventType": "refund"}}, False),
        ({"event": {"objectData.email": "jane@example.com"}}, True),
        ({"event": {"objectData.email": "joe@example.com"}}, False),
        ({"event": {"objectData.sku": "x"}}, False),
        ({"event": {"metaData.email": "jane@example.com"}}, False),
        ({"event": {"objectData.email": {"contains": "jane@"}}}, True),
        ({"event": {"objectData.email": {"contains": "joe@"}}}, False),
        ({"event": {"eventType": {"contains": "ook"}}}, True),
        ({"event": {"eventTypes": {"contains": "ook"}}}, False),
        ({"event": {"objectData": {"contains": "jane"}}}, False),
        ({"event": {"eventType": "booking", "clientEventId": "a"}}, True),
        ({"event": {"eventType": "booking", "clientEventId": "z"}}, False),
        ({"account": ACCOUNT, "event": {"clientEventId": "z"}}, False),
    ],
)
def test_a_rule_touches_only_what_it_matches(sandbox: Client, match: dict[str, Any], *, hit: bool) -> None:
    sandbox.rules({"match": match, "status": 503})
    assert sandbox.send("a").status_code == (503 if hit else 200)


@pytest.mark.parametrize(("wanted", "hit"), [(1, True), (True, False), ("1", False), (1.0, False), (None, False)])
def test_a_value_matches_only_one_of_its_own_type(sandbox: Client, wanted: Any, *, hit: bool) -> None:
    sandbox.rules({"match": {"event": {"extra": wanted}}, "status": 503})
    assert sandbox.post(payload(event("a", extra=1))).status_code == (503 if hit else 200)


def test_one_event_that_contains_a_text_has_the_whole_request_refused(sandbox: Client) -> None:
    sandbox.rules({"match": {"event": {"clientEventId": {"contains": "bad"}}}, "status": 400, "code": "Bad"})
    refused = sandbox.send("a", "some-bad-one", "c")
    assert (refused.status_code, refused.json()["data"]["code"]) == (400, "Bad")
    assert sandbox.send("a", "c").status_code == 200
    assert sandbox.accepted() == {"a": 1, "c": 1}


def test_events_that_contain_a_text_are_refused_one_by_one(sandbox: Client) -> None:
    sandbox.rules({"match": {"event": {"clientEventId": {"contains": "bad"}}}, "refuse": True, "code": "Bad"})
    answer = sandbox.send("a", "bad-1", "c", "bad-2")
    unprocessed = answer.json()["data"]["unprocessedRecords"]
    assert [record["record"]["clientEventId"] for record in unprocessed] == ["bad-1", "bad-2"]
    assert sandbox.accepted() == {"a": 1, "c": 1}


def test_a_request_of_another_account_spends_nothing(sandbox: Client) -> None:
    sandbox.rules({"match": {"account": "other"}, "status": 503, "times": 1})
    assert sandbox.send("a").status_code == 200
    assert sandbox.send("a", account="other").status_code == 503


def test_faults_come_before_the_sandboxs_own_refusals(sandbox: Client) -> None:
    sandbox.rules({"status": 503, "times": 1})
    assert sandbox.send("a", authorization=authorization("x", "y")).status_code == 503
    assert sandbox.send("a", authorization=authorization("x", "y")).status_code == 401


def test_the_same_seed_and_order_give_the_same_faults(sandbox: Client) -> None:
    rule = {"status": 503, "probability": 0.5}
    runs = []
    for seed in (7, 7, 8):
        sandbox.rules(rule, seed=seed)
        runs.append(statuses(sandbox))
    assert runs[0] == runs[1] != runs[2]
    assert set(runs[0]) == {200, 503}


def test_a_reset_begins_the_same_faults_again(sandbox: Client) -> None:
    sandbox.rules({"status": 503, "probability": 0.5}, {"status": 500, "times": 2}, seed=3)
    first = statuses(sandbox)
    sandbox.http.post("/_sandbox/reset")
    assert statuses(sandbox) == first


def test_a_refusal_is_drawn_for_each_record_and_repeats(sandbox: Client) -> None:
    ids = [f"e-{number}" for number in range(100)]
    refused = []
    for _ in range(2):
        sandbox.rules({"refuse": True, "probability": 0.3}, seed=1)
        refused.append(len(sandbox.send(*ids).json()["data"]["unprocessedRecords"]))
    assert refused[0] == refused[1]
    assert 10 < refused[0] < 50


@pytest.mark.parametrize(("probability", "expected"), [(0, {200}), (1, {503})])
def test_probability_0_never_and_1_always_fires(sandbox: Client, probability: int, expected: set[int]) -> None:
    sandbox.rules({"status": 503, "probability": probability})
    assert set(statuses(sandbox)) == expected


async def test_one_accounts_hanging_is_not_felt_by_another(sandbox: Client, http: httpx.AsyncClient) -> None:
    sandbox.rules({"match": {"account": "slow"}, "hang": True})
    hanging = asyncio.create_task(http.post(PATH, content=encode(payload(event("a"), account="slow")), headers=HEADERS))
    await http.get("/_sandbox/wait", params={"requests": 1, "account": "slow"})
    assert (await http.post(PATH, content=encode(payload(event("b"))), headers=HEADERS)).status_code == 200
    assert not hanging.done()
    hanging.cancel()
