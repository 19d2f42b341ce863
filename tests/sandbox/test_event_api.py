"""`POST /v2/events`: headers, credentials, codes and bodies as Rokt's document has them."""

from __future__ import annotations

import json
import uuid
from typing import Any

import httpx
import pytest

from .conftest import Client
from .samples import ACCOUNT, authorization, encode, event, payload

PAIR = {"public_key": "rpub-one", "secret_key": "rsec-one"}
OTHER = {"public_key": "rpub-two", "secret_key": "rsec-two"}


def code(answer: httpx.Response) -> tuple[int, str]:
    """The status and the error code; the body has nothing but a code and a message."""
    data = answer.json()["data"]
    assert set(data) == {"code", "message"}
    assert all(isinstance(text, str) and text for text in data.values())
    return answer.status_code, data["code"]


def test_a_good_request_is_answered_as_in_the_sample(sandbox: Client) -> None:
    answer = sandbox.send("a", "b")
    assert answer.status_code == 200
    assert answer.json() == {"data": {"unprocessedRecords": []}}
    assert answer.headers["Content-Type"] == "application/json"
    assert sandbox.accepted() == {"a": 1, "b": 1}


def test_the_documents_own_sample_is_accepted_but_for_its_age(sandbox: Client) -> None:
    booking = {
        "clientEventId": "ff3bd69c-ca74-4337-af91-4d5d0bd00e38",
        "metaData": [{"name": "sourceServer", "value": "192.0.0.1"}],
        "objectData": [{"name": "email", "value": "one@example.com"}, {"name": "amount", "value": "85.00"}],
    }
    assert sandbox.post(payload(event(**booking))).status_code == 200
    refused = sandbox.post(payload(event(**booking, eventTime="2020-05-22T10:21:29.339Z")))
    assert code(refused) == (400, "RequestValidationError")


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/v2/events"), ("GET", "/v2/events"), ("GET", "/nowhere"), ("GET", "/_sandbox/summary")],
)
def test_every_answer_has_a_trace_id_of_its_own(sandbox: Client, method: str, path: str) -> None:
    traces = {sandbox.http.request(method, path).headers["X-Rokt-Trace-Id"] for _ in range(2)}
    assert {str(uuid.UUID(trace)) for trace in traces} == traces
    assert len(traces) == 2


@pytest.mark.parametrize("value", ["application/json", "Application/JSON", "application/json; charset=utf-8"])
def test_content_type_json_is_accepted(sandbox: Client, value: str) -> None:
    assert sandbox.send("a", content_type=value).status_code == 200


@pytest.mark.parametrize("value", ["", "text/plain", "application/json; charset=latin-1", "application/jsonp"])
def test_another_content_type_is_refused(sandbox: Client, value: str) -> None:
    answer = sandbox.send("a", content_type=value)
    assert code(answer) == (400, "RequestValidationError")
    assert "Content-Type" in answer.json()["data"]["message"]


@pytest.mark.parametrize("header", ["Content-Type", "Charset"])
def test_a_required_header_must_be_there(sandbox: Client, header: str) -> None:
    assert code(sandbox.without(header)) == (400, "RequestValidationError")


def test_charset_must_be_utf_8_in_any_case(sandbox: Client) -> None:
    assert sandbox.send("a", charset="UTF-8").status_code == 200
    assert code(sandbox.send("a", charset="latin-1")) == (400, "RequestValidationError")


def test_the_version_may_be_missing_or_empty_but_not_wrong(sandbox: Client) -> None:
    assert sandbox.without("Rokt-Version").status_code == 200
    assert sandbox.send("a", rokt_version="").status_code == 200
    assert code(sandbox.send("a", rokt_version="2020-05-20")) == (400, "RequestValidationError")


@pytest.mark.parametrize("name", ["Content-Type", "Rokt-Version", "Authorization", "Charset"])
def test_a_header_given_twice_is_refused(sandbox: Client, name: str) -> None:
    headers = [("Content-Type", "application/json"), ("Charset", "utf-8"), ("Rokt-Version", "2020-05-21")]
    headers.append(("Authorization", authorization()))
    twice = headers + [header for header in headers if header[0] == name]
    answer = sandbox.http.post("/v2/events", content=encode(payload(event())), headers=twice)
    assert answer.status_code == (401 if name == "Authorization" else 400)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "Basic",
        "Basic ???",
        "Basic cnB1Yi1h",  # no colon
        "Basic //79",  # not UTF-8
        "Bearer abc",
        authorization("pub-1", "rsec-1"),
        authorization("rpub-1", "sec-1"),
    ],
)
def test_credentials_of_a_wrong_form_are_401(sandbox: Client, value: str) -> None:
    assert code(sandbox.send("a", authorization=value)) == (401, "UnauthorizedError")


def test_missing_credentials_are_401(sandbox: Client) -> None:
    assert code(sandbox.without("Authorization")) == (401, "UnauthorizedError")


def test_without_a_table_any_pair_serves_any_account(sandbox: Client) -> None:
    assert sandbox.send("a", account="one", authorization=authorization("rpub-x", "rsec-y")).status_code == 200


def test_with_a_table_only_its_pairs_are_known(sandbox: Client) -> None:
    sandbox.credentials({ACCOUNT: PAIR, "other": OTHER})
    assert sandbox.send("a", authorization=authorization(*PAIR.values())).status_code == 200
    assert code(sandbox.send("a")) == (401, "UnauthorizedError")
    mixed = authorization(PAIR["public_key"], OTHER["secret_key"])
    assert code(sandbox.send("a", authorization=mixed)) == (401, "UnauthorizedError")


def test_a_valid_pair_on_another_account_is_403(sandbox: Client) -> None:
    sandbox.credentials({ACCOUNT: PAIR, "other": OTHER})
    assert code(sandbox.send("a", authorization=authorization(*OTHER.values()))) == (403, "Forbidden")
    assert sandbox.accepted() == {}


def test_one_pair_may_serve_several_accounts(sandbox: Client) -> None:
    sandbox.credentials({"one": PAIR, "two": PAIR})
    for account in ("one", "two"):
        assert sandbox.send("a", account=account, authorization=authorization(*PAIR.values())).status_code == 200


@pytest.mark.parametrize(
    "table", [[], 1, {"one": []}, {"one": {"public_key": "a"}}, {"one": {**PAIR, "secret_key": 1}}]
)
def test_a_wrong_table_is_refused_and_the_old_one_stays(sandbox: Client, table: Any) -> None:
    sandbox.credentials({ACCOUNT: PAIR})
    assert code(sandbox.credentials(table)) == (400, "InvalidCredentials")
    assert sandbox.send("a").status_code == 401


def test_a_compressed_body_cannot_be_read(sandbox: Client) -> None:
    assert code(sandbox.send("a", content_encoding="gzip")) == (400, "RequestBodyReadError")


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[1", b'{"a":NaN}', b"\xff", b'"\\ud800"', b"1e999", b"[" * 5000, b"null"]
)
def test_what_is_not_a_json_object_cannot_be_unmarshalled(sandbox: Client, body: bytes) -> None:
    assert code(sandbox.post(body)) == (400, "RequestJsonUnmarshalError")


@pytest.mark.parametrize(
    "text", [b'"\\ud800"', b'"a\\udfffb"', b'["\\udc00"]', b"NaN", b"-Infinity", b"1e999", b"9" * 5000]
)
def test_a_value_that_json_cannot_hold_spoils_a_good_request_wherever_it_is(sandbox: Client, text: bytes) -> None:
    body = encode(payload(event("a")))[:-1] + b', "extra": '
    assert code(sandbox.post(body + text + b"}")) == (400, "RequestJsonUnmarshalError")
    assert sandbox.post(body + b'"\\ud83d\\ude00"}').status_code == 200


def test_nesting_is_limited_at_32_levels(sandbox: Client) -> None:
    def nested(levels: int) -> bytes:
        extra = b"[" * levels + b"]" * levels
        return encode(payload(event()))[:-1] + b', "extra": ' + extra + b"}"

    assert sandbox.post(nested(31)).status_code == 200
    assert code(sandbox.post(nested(32))) == (400, "RequestJsonUnmarshalError")


def test_other_methods_and_paths_are_errors_in_the_same_form(sandbox: Client) -> None:
    refused = sandbox.http.get("/v2/events")
    assert code(refused) == (405, "MethodNotAllowed")
    assert refused.headers["Allow"] == "POST"
    assert code(sandbox.http.post("/v2/events/")) == (404, "NotFound")


def test_one_event_out_of_order_refuses_the_whole_request(sandbox: Client) -> None:
    answer = sandbox.post(payload(event("good"), event("bad", eventType=1)))
    assert code(answer) == (400, "RequestValidationError")
    assert answer.json()["data"]["message"].startswith("events[1].eventType:")
    assert sandbox.accepted() == {}


def test_no_message_repeats_a_value(sandbox: Client) -> None:
    secret = "jane@example.com"
    answers = [
        sandbox.post(payload(event(eventTime=secret))),
        sandbox.post(payload(event(objectData=[{"name": f"rokt.{secret}", "value": secret}]))),
        sandbox.post(payload(event(), account=secret * 10)),
        sandbox.post(b'{"' + secret.encode()),
    ]
    assert all(answer.status_code == 400 and secret not in answer.text for answer in answers)


def test_fields_that_the_document_does_not_name_are_let_be(sandbox: Client) -> None:
    """The document says nothing about them, so the sandbox neither refuses nor loses them."""
    sandbox.post(payload(event("a", extra={"n": 1})))
    assert sandbox.ask("events/a")["event"]["extra"] == {"n": 1}


def test_text_beyond_the_basic_plane_survives(sandbox: Client) -> None:
    sandbox.post(json.dumps(payload(event("a", eventType="\U0001f600 é"))).encode())
    assert sandbox.ask("events/a")["event"]["eventType"] == "\U0001f600 é"
