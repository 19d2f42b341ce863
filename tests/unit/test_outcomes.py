"""A code is what may go anywhere, so an answer's is taken for one only if it looks like one."""

from __future__ import annotations

import json

import pytest

from producers.destinations import DESTINATIONS
from producers.destinations.answers import Answer
from producers.destinations.outcomes import UNUSUAL, Delivered, Reason, Rejected, told
from tests.unit.samples import payload

CODES = ["ValidationError", "EVENT_TOO_OLD", "V2.Event-Invalid", "NoCode", "40012", "E100", "A" * 64]
NOT_CODES = [
    "jane@example.com",
    "Unknown:jane@example.com",
    "jane%40example.com",
    "Jane Doe",
    "+13238675309",
    "id13238675309",
    "323-867-5309",
    "10.0.0.12",
    "١٢٣",
    "é",
    "",
    "A" * 65,
    "Error\n",
    "Error\0",
]


@pytest.mark.parametrize("code", CODES)
def test_a_code_is_kept_with_its_message(code: str) -> None:
    assert told(code, "no") == Reason(code, "no")


@pytest.mark.parametrize("code", NOT_CODES)
def test_what_could_name_somebody_is_no_code_and_stands_before_the_message(code: str) -> None:
    assert told(code, "no") == Reason(UNUSUAL, f"{code}: no")


@pytest.mark.parametrize("status", [400, 422])
@pytest.mark.parametrize("name", ["event-api", "server-events"])
def test_of_a_refused_request_as_well(name: str, status: int) -> None:
    error = {"code": "jane@example.com", "message": "is unknown"}
    body = {"data": error, "errors": [error]}
    outcome = DESTINATIONS[name].outcome(Answer(status, json.dumps(body).encode()), [payload("a")])
    assert outcome == Rejected((Reason(UNUSUAL, "jane@example.com: is unknown"),))


@pytest.mark.parametrize("name", ["event-api", "server-events"])
def test_of_a_refused_event_as_well(name: str) -> None:
    error = {"code": "jane@example.com", "message": "is unknown"}
    records = {"unprocessedRecords": [{"error": error}]}
    body = {"data": records, "processedEventsCount": 0, "unprocessedEvents": [{"errors": [error]}]}
    outcome = DESTINATIONS[name].outcome(Answer(200, json.dumps(body).encode()), [payload("a")])
    assert isinstance(outcome, Delivered)
    assert outcome.refused == {0: (Reason(UNUSUAL, "jane@example.com: is unknown"),)}
