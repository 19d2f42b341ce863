"""Whatever the bytes are, the answer is a documented one: never a 5xx, never a traceback (see `conftest.process`)."""

from __future__ import annotations

import copy
import socket
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .conftest import Client
from .samples import encode, event, payload

# The shared process may serve all examples: nothing that is remembered changes how a request is judged.
relaxed = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

CODES = {"RequestBodyReadError", "RequestJsonUnmarshalError", "RequestValidationError"}

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["\ud800", "a\udfff"])
json_values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4), max_leaves=12
)


def documented(answer: httpx.Response) -> bool:
    if answer.status_code == 200:
        return set(answer.json()["data"]) == {"unprocessedRecords"}
    return answer.status_code == 400 and answer.json()["data"]["code"] in CODES


@given(body=st.binary(max_size=400))
@relaxed
def test_any_bytes_get_a_documented_answer(sandbox: Client, body: bytes) -> None:
    assert documented(sandbox.post(body))


@given(value=json_values)
@relaxed
def test_any_json_gets_a_documented_answer(sandbox: Client, value: Any) -> None:
    assert documented(sandbox.post(value))


PLACES: list[list[str | int]] = [
    ["accountId"],
    ["events"],
    ["events", 0],
    ["events", 0, "clientEventId"],
    ["events", 0, "eventType"],
    ["events", 0, "eventTime"],
    ["events", 0, "objectData"],
    ["events", 0, "objectData", 0],
    ["events", 0, "objectData", 0, "name"],
    ["events", 0, "objectData", 0, "value"],
    ["events", 0, "metaData"],
    ["events", 0, "unknown"],
    ["unknown"],
]


@given(place=st.sampled_from(PLACES), value=json_values)
@relaxed
def test_any_value_at_any_place_of_a_good_request_gets_a_documented_answer(
    sandbox: Client, place: list[str | int], value: Any
) -> None:
    body: Any = copy.deepcopy(payload(event()))
    owner = body
    for step in place[:-1]:
        owner = owner[step]
    owner[place[-1]] = value
    assert documented(sandbox.post(body))


@given(value=json_values | st.lists(st.dictionaries(st.sampled_from(["status", "match", "delay"]), json_values)))
@relaxed
def test_any_json_as_a_setting_gets_a_4xx_or_is_taken(sandbox: Client, value: Any) -> None:
    for setting in ("faults", "credentials", "limits", "oauth", "query"):
        assert sandbox.http.put(f"/_sandbox/{setting}", content=encode(value)).status_code in (200, 400)
    sandbox.http.post("/_sandbox/reset?settings=true")


@given(
    name=st.sampled_from(["Authorization", "Content-Type", "Charset", "Rokt-Version"]),
    value=st.binary(max_size=60).map(lambda raw: bytes(b for b in raw if 0x20 <= b < 0x7F or b > 0x7F).strip()),
)
@relaxed
def test_any_header_value_gets_a_documented_answer(sandbox: Client, name: str, value: bytes) -> None:
    headers = [(b"Content-Type", b"application/json"), (b"Charset", b"utf-8"), (name.encode(), value)]
    request = sandbox.http.build_request("POST", "/v2/events", content=b"{}", headers=headers)
    assert sandbox.http.send(request).status_code in (400, 401)


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"accountId":"1","events":' + b"[" * 900 + b"]" * 900 + b"}",
        b"1" * 100_000,
        b'{"accountId":' + b"9" * 5_000 + b"}",
        b'{"accountId":1e999}',
        b'{"accountId":-Infinity}',
        b'{"accountId":"\xed\xa0\x80"}',
        '{"accountId":"1"}'.encode("utf-16"),
        b'\xef\xbb\xbf{"accountId":"1"}',
        b'{"accountId":"1","accountId":2,"events":[]}',
        b'{"accountId":"\x00"}',
    ],
)
def test_known_tricks_get_a_documented_answer(sandbox: Client, body: bytes) -> None:
    assert sandbox.post(body).status_code == 400


def test_an_unprocessed_record_echoes_whatever_was_in_it(sandbox: Client) -> None:
    deep: Any = "x"
    for _ in range(25):
        deep = [deep]
    sent = event("a", extra=deep, number=1e308)
    sandbox.rules({"refuse": True})
    assert sandbox.post(payload(sent)).json()["data"]["unprocessedRecords"][0]["record"] == sent


def raw_exchange(sandbox: Client, sent: bytes) -> bytes:
    """What comes back for raw bytes after which nothing more is sent."""
    url = httpx.URL(sandbox.url)
    received = b""
    with socket.create_connection((url.host, url.port or 80), timeout=10) as connection:
        try:
            connection.sendall(sent)
            connection.shutdown(socket.SHUT_WR)
            while chunk := connection.recv(65_536):
                received += chunk
        except (ConnectionResetError, BrokenPipeError):
            pass
    return received


@given(sent=st.binary(min_size=1, max_size=300))
@relaxed
def test_any_bytes_on_a_connection_get_nothing_or_a_4xx(sandbox: Client, sent: bytes) -> None:
    received = raw_exchange(sandbox, sent)
    assert received == b"" or received.startswith(b"HTTP/1.1 4")


@pytest.mark.parametrize(
    "sent",
    [
        b"POST /v2/events HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"POST /v2/events HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}",
        b"POST /v2/events HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
)
def test_bytes_that_are_not_http_are_an_error_of_reading_with_a_trace_id(sandbox: Client, sent: bytes) -> None:
    received = raw_exchange(sandbox, sent)
    assert received.startswith(b"HTTP/1.1 400 ")
    assert b"RequestBodyReadError" in received
    assert b"x-rokt-trace-id: " in received.lower()


@pytest.mark.parametrize("upgrade", [b"websocket", b"h2c"])
def test_an_upgrade_is_not_taken_up(sandbox: Client, upgrade: bytes) -> None:
    sent = b"GET /v2/events HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: " + upgrade + b"\r\n\r\n"
    received = raw_exchange(sandbox, sent)
    assert received == b"" or received.startswith(b"HTTP/1.1 4")


def test_a_request_that_breaks_off_is_not_counted(sandbox: Client) -> None:
    sent = b"POST /v2/events HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"
    assert raw_exchange(sandbox, sent) == b""
    assert sandbox.ask("summary")["requests"]["total"] == 0
