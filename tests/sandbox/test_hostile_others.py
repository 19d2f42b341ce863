"""Hostile input to the APIs besides the Event API v2: the answer is always a documented one, never a 5xx."""

from __future__ import annotations

import copy
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.query.samples import REQUEST as SAMPLE

from . import audience, oauth, server_events
from .conftest import Client
from .query import ACCOUNTS, CAMPAIGNS, TRANSACTIONS
from .samples import encode, event, payload
from .test_hostile import json_values, relaxed

STATUSES = {
    server_events.PATH: {200, 207, 400, 422},
    audience.PATH: {201, 400},
    audience.LEGACY: {201, 400},
    oauth.PATH: {200, 400},
    oauth.V1: {200, 400},
    CAMPAIGNS: {200, 400},
    TRANSACTIONS: {200, 400},
}
HEADERS = {
    server_events.PATH: server_events.HEADERS,
    audience.PATH: audience.HEADERS,
    audience.LEGACY: audience.LEGACY_HEADERS,
    oauth.PATH: oauth.FORM,
}


few = settings(relaxed, max_examples=50)


class Caller:
    """Calls any of the APIs with headers that are in order; one token serves a whole test."""

    def __init__(self, sandbox: Client) -> None:
        self.sandbox = sandbox
        self.token = oauth.bearer(oauth.token(sandbox))

    def headers(self, path: str) -> dict[str, str]:
        return HEADERS.get(path, self.token)

    def post(self, path: str, body: bytes) -> httpx.Response:
        return self.sandbox.http.post(path, content=body, headers=self.headers(path))

    def documented(self, path: str, body: bytes) -> bool:
        return self.post(path, body).status_code in STATUSES[path]


@pytest.fixture
def caller(sandbox: Client) -> Caller:
    return Caller(sandbox)


@pytest.mark.parametrize("path", STATUSES)
@given(body=st.binary(max_size=400))
@few
def test_any_bytes_get_a_documented_answer(caller: Caller, path: str, body: bytes) -> None:
    assert caller.documented(path, body)


@pytest.mark.parametrize("path", STATUSES)
@given(value=json_values)
@few
def test_any_json_gets_a_documented_answer(caller: Caller, path: str, value: Any) -> None:
    assert caller.documented(path, encode(value))


ENTRY = {"name": "n", "value": "v"}
GOOD: dict[str, Any] = {
    server_events.PATH: {"events": [server_events.signal(metadata=[ENTRY]), server_events.signal()]},
    audience.PATH: audience.import_of("a@example.com", "b@example.com", list="L"),
    audience.LEGACY: audience.import_of(emails=..., sha256=audience.HASH),
    oauth.V1: payload(event(metaData=[ENTRY])),
    CAMPAIGNS: SAMPLE | {"limit": 5},
    TRANSACTIONS: {
        "startDate": "2025-03-04",
        "endDate": "2025-04-04",
        "metrics": ["transactions"],
        "dimensions": ["page_type"],
        "orderBys": [{"column": "page_type", "direction": "asc"}],
    },
}


def places(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Every place of a value where another may be put."""
    steps: list[tuple[str | int, Any]] = []
    if isinstance(value, dict):
        steps = list(value.items())
    if isinstance(value, list):
        steps = list(enumerate(value))
    return [(*path, step) for step, _ in steps] + [
        place for step, item in steps for place in places(item, (*path, step))
    ]


@given(data=st.data(), value=json_values)
@pytest.mark.parametrize("path", GOOD)
@few
def test_any_value_at_any_place_of_a_good_request_gets_a_documented_answer(
    caller: Caller, path: str, data: st.DataObject, value: Any
) -> None:
    body = copy.deepcopy(GOOD[path])
    *way, last = data.draw(st.sampled_from(places(body)))
    owner = body
    for step in way:
        owner = owner[step]
    owner[last] = value
    assert caller.documented(path, encode(body))


@pytest.mark.parametrize("path", GOOD)
def test_the_good_requests_are_good(caller: Caller, path: str) -> None:
    answer = caller.post(path, encode(GOOD[path]))
    assert answer.status_code in (200, 201)


@given(
    path=st.sampled_from([*GOOD, oauth.PATH]),
    data=st.data(),
    value=st.binary(max_size=60).map(lambda raw: bytes(b for b in raw if 0x20 <= b < 0x7F or b > 0x7F).strip()),
)
@few
def test_any_header_value_gets_a_4xx_or_is_taken(caller: Caller, path: str, data: st.DataObject, value: bytes) -> None:
    headers = {name.lower().encode(): text.encode() for name, text in caller.headers(path).items()}
    name = data.draw(st.sampled_from([*sorted(headers), b"idempotency-key", b"accept"]))
    request = caller.sandbox.http.build_request(
        "POST", path, content=b"{}", headers=[*(headers | {name: value}).items()]
    )
    assert caller.sandbox.http.send(request).status_code in (400, 401, 422)


@given(account=st.text(max_size=20), rest=st.sampled_from(["", "/campaigns/help", "/transactions/help", "/x"]))
@few
def test_any_account_in_a_path_gets_an_answer(caller: Caller, account: str, rest: str) -> None:
    quoted = "".join(f"%{byte:02X}" for byte in account.encode(errors="replace"))
    answer = caller.sandbox.http.get(f"{ACCOUNTS}/{quoted}{rest}", headers=caller.token)
    assert answer.status_code < 500
