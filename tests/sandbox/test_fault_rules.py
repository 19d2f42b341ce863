"""A rule that cannot be used is answered with its number, the field and what is wrong, and the old rules stay."""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import Client
from .samples import encode

GOOD = {"status": 503}

WRONG: list[tuple[Any, str]] = [
    (1, ""),
    ([], ""),
    (None, ""),
    ({}, "status | refuse | miscount | delay | hang | close"),
    ({"status": 500, "hang": True}, "status | hang"),
    ({"status": "500"}, "status"),
    ({"status": True}, "status"),
    ({"status": 199}, "status"),
    ({"status": 600}, "status"),
    ({"status": 500.0}, "status"),
    ({"status": 200}, "body"),
    ({"status": 500, "body": 1}, "body"),
    ({"status": 400, "code": 1}, "code"),
    ({"status": 400, "message": []}, "message"),
    ({"status": 429, "retry_after": []}, "retry_after"),
    ({"status": 429, "retry_after": True}, "retry_after"),
    ({"status": 429, "retry_after": "1\r\nX: y"}, "retry_after"),
    ({"status": 500, "rewrite": True}, "rewrite"),
    ({"status": 500, "tims": 1}, "tims"),
    ({"refuse": False}, "refuse"),
    ({"refuse": True, "code": 1}, "code"),
    ({"refuse": True, "rewrite": "yes"}, "rewrite"),
    ({"refuse": True, "body": "x"}, "body"),
    ({"refuse": True, "errors": []}, "errors"),
    ({"refuse": True, "errors": "C"}, "errors"),
    ({"refuse": True, "errors": ["C"]}, "errors"),
    ({"refuse": True, "errors": [{"code": "C"}]}, "errors"),
    ({"refuse": True, "errors": [{"code": "C", "message": 1}]}, "errors"),
    ({"refuse": True, "errors": [{"code": "C", "message": "M"}], "code": "C"}, "errors"),
    ({"miscount": "1"}, "miscount"),
    ({"miscount": True}, "miscount"),
    ({"miscount": 1.0}, "miscount"),
    ({"miscount": -1_000_001}, "miscount"),
    ({"miscount": 1, "code": "C"}, "code"),
    ({"delay": -0.1}, "delay"),
    ({"delay": 3600.1}, "delay"),
    ({"delay": True}, "delay"),
    ({"delay": "1"}, "delay"),
    ({"hang": 1}, "hang"),
    ({"close": "now"}, "close"),
    ({"close": True}, "close"),
    ({**GOOD, "probability": 1.1}, "probability"),
    ({**GOOD, "probability": -1}, "probability"),
    ({**GOOD, "probability": True}, "probability"),
    ({**GOOD, "probability": "1"}, "probability"),
    ({**GOOD, "times": -1}, "times"),
    ({**GOOD, "times": 1.0}, "times"),
    ({**GOOD, "times": None}, "times"),
    ({**GOOD, "match": []}, "match"),
    ({**GOOD, "match": {"paht": "x"}}, "match.paht"),
    ({**GOOD, "match": {"path": 1}}, "match.path"),
    ({**GOOD, "match": {"account": 12345}}, "match.account"),
    ({**GOOD, "match": {"event": []}}, "match.event"),
    ({**GOOD, "match": {"event": {"eventType": ["x"]}}}, "match.event.eventType"),
    ({**GOOD, "match": {"event": {"eventType": {"holds": "x"}}}}, "match.event.eventType"),
    ({**GOOD, "match": {"event": {"eventType": {"contains": "x", "or": "y"}}}}, "match.event.eventType"),
    ({**GOOD, "match": {"event": {"eventType": {"contains": 1}}}}, "match.event.eventType.contains"),
    ({**GOOD, "match": {"event": {"eventType": {"contains": ""}}}}, "match.event.eventType.contains"),
]


@pytest.mark.parametrize(("rule", "field"), WRONG)
def test_a_wrong_rule_is_named_by_number_and_field(sandbox: Client, rule: Any, field: str) -> None:
    sandbox.rules(GOOD)
    answer = sandbox.http.put("/_sandbox/faults", content=encode([GOOD, rule]))
    assert answer.status_code == 400
    (error,) = answer.json()["errors"]
    assert set(error) == {"rule", "field", "fault"}
    assert (error["rule"], error["field"]) == (2, field)
    assert sandbox.send("a").status_code == 503


def test_every_wrong_rule_of_a_list_is_named(sandbox: Client) -> None:
    answer = sandbox.http.put("/_sandbox/faults", content=encode([{"status": 1}, GOOD, {"hang": 1}]))
    assert [(error["rule"], error["field"]) for error in answer.json()["errors"]] == [(1, "status"), (3, "hang")]


@pytest.mark.parametrize("value", [None, 1, "x", {}, {"status": 500}])
def test_rules_must_be_a_list(sandbox: Client, value: Any) -> None:
    answer = sandbox.http.put("/_sandbox/faults", content=encode(value))
    assert (answer.status_code, answer.json()["errors"][0]["rule"]) == (400, 0)


@pytest.mark.parametrize("body", [b"", b"{", b"[NaN]", b"\xff", b"[" * 5000])
@pytest.mark.parametrize("path", ["faults", "credentials"])
def test_a_setting_must_be_json(sandbox: Client, path: str, body: bytes) -> None:
    answer = sandbox.http.put(f"/_sandbox/{path}", content=body)
    assert (answer.status_code, answer.json()["data"]["code"]) == (400, "InvalidParameter")
