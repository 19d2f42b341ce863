"""What each answer of `event-api` means. Source: event-api.txt, "Responses" and "200 error scenario"."""

from __future__ import annotations

import json
from typing import Any

import pytest

from producers.destinations.answers import Answer
from producers.destinations.event_api import outcome
from producers.destinations.outcomes import Delivered, Limited, Outcome, Reason, Rejected, Retry, Unauthorized
from tests.unit.samples import payload

THREE = [payload("a"), payload("b"), payload("c")]
INVALID = {"code": "ValidationError", "message": "Invalid content"}
REFUSED = (Reason("ValidationError", "Invalid content"),)


def answered(status: int, body: Any, payloads: list[bytes] | None = None) -> Outcome:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return outcome(Answer(status, raw), payloads or THREE)


def error(code: str, message: str = "said Rokt") -> dict[str, Any]:
    return {"data": {"code": code, "message": message}}


def unprocessed(*records: Any, payloads: list[bytes] | None = None) -> Delivered:
    """What a 200 with these records means."""
    result = answered(200, {"data": {"unprocessedRecords": list(records)}}, payloads)
    assert isinstance(result, Delivered)
    return result


def record(event_id: Any, error: Any = INVALID) -> dict[str, Any]:
    """A record that names an event; it echoes fields that Rokt has rewritten, like the document's own sample."""
    return {"error": error, "record": {"clientEventId": event_id, "eventType": "conversion"}}


@pytest.mark.parametrize(
    "body", [{"data": {"unprocessedRecords": []}}, {"data": {"unprocessedRecords": None}, "more": 1}]
)
def test_a_success_without_unprocessed_records_delivers_all(body: Any) -> None:
    """A nil list may be written as null."""
    assert answered(200, body) == Delivered()


@pytest.mark.parametrize("status", [400, 422])
@pytest.mark.parametrize("code", ["RequestJsonUnmarshalError", "RequestValidationError", "SomethingNew"])
def test_a_refusal_of_the_content_rejects_the_request_with_rokts_reason(status: int, code: str) -> None:
    assert answered(status, error(code)) == Rejected((Reason(code, "said Rokt"),))


@pytest.mark.parametrize("status", [400, 422])
@pytest.mark.parametrize("code", ["RequestBodyReadError", "InternalServerError", "ServiceUnavailableError"])
def test_a_fault_on_rokts_side_is_tried_again_whatever_its_status(status: int, code: str) -> None:
    """That it could not read the body says nothing against the API itself."""
    answers = code == "RequestBodyReadError"
    assert answered(status, error(code)) == Retry((Reason(code, "said Rokt"),), answered=answers)


@pytest.mark.parametrize("body", [b"", b"<html>too large</html>", json.dumps(error("TooLarge")).encode()])
def test_a_request_that_was_too_large_is_rejected(body: bytes) -> None:
    """413 comes from whatever stands before the API, so its body says nothing."""
    result = answered(413, body)
    assert isinstance(result, Rejected)
    assert result.reasons[0].code == "PayloadTooLarge"


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (404, "NotFound"),
        (500, "InternalServerError"),
        (502, "BadGateway"),
        (503, "ServiceUnavailableError"),
        (504, "GatewayTimeout"),
        (301, "Http301"),
        (302, "Http302"),
        (307, "Http307"),
        (308, "Http308"),
        (201, "Http201"),
        (204, "Http204"),
        (418, "Http418"),
        (599, "Http599"),
    ],
)
def test_any_other_status_is_tried_again_with_a_code_of_its_own(status: int, code: str) -> None:
    """Nothing is taken as delivered or refused that the document does not say so of."""
    assert answered(status, b"<html>") == Retry((Reason(code, f"HTTP status {status}"),))


@pytest.mark.parametrize(("status", "code"), [(401, "UnauthorizedError"), (403, "Forbidden")])
def test_refused_credentials_say_nothing_of_the_events(status: int, code: str) -> None:
    assert answered(status, b"<html>") == Unauthorized((Reason(code, f"HTTP status {status}"),))


@pytest.mark.parametrize(("status", "retry_after"), [(429, ""), (429, "2"), (503, "2")])
def test_an_account_that_is_told_to_wait_waits(status: int, retry_after: str) -> None:
    result = outcome(Answer(status, b"", retry_after=retry_after), [payload("a")])
    assert isinstance(result, Limited)
    assert result.retry_after == retry_after


@pytest.mark.parametrize("status", [401, 403, 404, 429, 500, 502, 503])
def test_rokts_own_reason_is_kept_where_it_gave_one(status: int) -> None:
    reasons = (Reason("UnauthorizedError", "Invalid token"),)
    result = answered(status, error("UnauthorizedError", "Invalid token"))
    assert isinstance(result, Limited | Retry | Unauthorized)
    assert result.reasons == reasons


FOREIGN = [
    b"",
    b" ",
    b"OK",
    b"<html>maintenance</html>",
    b"null",
    b"[]",
    b"{}",
    b'{"data":null}',
    b'{"data":{}}',
    b'{"data":[]}',
    b'{"data":{"unprocessedRecords":[{"\xe5rror":{}}]}}',  # no UTF-8
    b'{"data":{"unprocessedRecords":{}}}',
    b'{"data":{"unprocessedRecords":[null]}}',
    b'{"data":{"unprocessedRecords":["a"]}}',
    b'{"unprocessedRecords":[]}',
    b'{"data":{"unprocessedRecords":[]',
    b'{"data":{"unprocessedRecords":[]}} trailing',
    b"\xff\xfe{}",
    b"[" * 100_000,
]


@pytest.mark.parametrize("status", [200, 400, 422])
@pytest.mark.parametrize("body", FOREIGN)
def test_a_body_that_is_not_the_apis_is_tried_again(status: int, body: bytes) -> None:
    """A proxy's page with status 200 delivers nothing, one with 400 kills nothing."""
    result = answered(status, body)
    assert isinstance(result, Retry)
    assert result.reasons[0].code == "UnreadableAnswer"


def test_a_named_event_is_refused_with_rokts_code_and_message_and_the_others_delivered() -> None:
    assert unprocessed(record("b")) == Delivered({1: REFUSED})


def test_several_records_for_one_event_are_several_reasons() -> None:
    other = {"code": "Other", "message": "too"}
    assert unprocessed(record("b"), record("b", other)) == Delivered({1: (*REFUSED, Reason("Other", "too"))})


def test_every_event_may_be_refused() -> None:
    assert unprocessed(record("c"), record("a"), record("b")).refused == {0: REFUSED, 1: REFUSED, 2: REFUSED}


@pytest.mark.parametrize("code", ["InternalServerError", "ServiceUnavailableError", "RequestBodyReadError"])
def test_a_record_with_a_server_side_code_is_sent_again_alone(code: str) -> None:
    result = unprocessed(record("b", {"code": code, "message": ""}), record("c"))
    assert result == Delivered({2: REFUSED}, frozenset({1}))


def test_a_content_fault_beside_a_server_side_one_is_final() -> None:
    result = unprocessed(record("b", {"code": "InternalServerError", "message": ""}), record("b"))
    assert (set(result.refused), result.later) == ({1}, frozenset())


@pytest.mark.parametrize("named", ["unknown", "", "A", "a ", 1, None, ["a"], {"a": 1}])
def test_a_record_that_names_no_event_leaves_none_delivered_on_a_guess(named: Any) -> None:
    """Rokt's own sample echoes rewritten fields: all that are not known to be refused are sent again one by one."""
    assert unprocessed(record(named)) == Delivered({}, frozenset(), frozenset({0, 1, 2}))


@pytest.mark.parametrize("echo", [None, "a", ["a"], 5, {}, {"id": "a"}])
def test_a_record_without_an_event_leaves_none_delivered_on_a_guess(echo: Any) -> None:
    assert unprocessed({"error": INVALID, "record": echo}).unclear == {0, 1, 2}
    assert unprocessed({"error": INVALID}).unclear == {0, 1, 2}


def test_an_unknown_record_beside_a_known_one_keeps_what_is_known() -> None:
    result = unprocessed(record("b"), record("unknown"))
    assert result == Delivered({1: REFUSED}, frozenset(), frozenset({0, 2}))


def test_the_only_event_of_a_request_is_the_one_that_is_meant() -> None:
    """Whatever id the record echoes: nothing else was sent."""
    for named in ("a", "unknown", None):
        assert unprocessed(record(named), payloads=[payload("a")]) == Delivered({0: REFUSED})


def test_one_of_two_equal_events_is_refused_for_one_record_and_both_for_two() -> None:
    """Equal to the byte, so it does not matter which of them."""
    twice = [payload("a"), payload("b"), payload("a")]
    assert unprocessed(record("a"), payloads=twice) == Delivered({0: REFUSED})
    assert unprocessed(record("a"), record("a"), payloads=twice) == Delivered({0: REFUSED, 2: REFUSED})


def test_different_events_of_one_id_are_both_unclear() -> None:
    """The record says which id, not which of them."""
    twins = [payload("a", value=1), payload("b"), payload("a", value=2)]
    assert unprocessed(record("a"), payloads=twins) == Delivered({}, frozenset(), frozenset({0, 2}))


def test_a_record_without_an_error_still_refuses_its_event() -> None:
    result = unprocessed({"record": {"clientEventId": "b"}})
    assert result.refused == {1: (Reason("NoCode", ""),)}
