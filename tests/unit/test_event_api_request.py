"""The request to `event-api`. Source: event-api.txt, "Header" and "Parameters"."""

from __future__ import annotations

import json
from base64 import b64decode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.destinations import Whole
from producers.destinations.accounts import AccountCredentials
from producers.destinations.event_api import EVENT_API, client_of, missing, request
from producers.stored_event import StoredEvent
from tests.unit.samples import payload

KEYS = AccountCredentials(public_key="rpub-1", secret_key="rsec-2")


def test_the_headers_are_the_documents() -> None:
    made = request("https://api.example.com", Whole("12345"), [payload("a")], KEYS)
    assert made.url == "https://api.example.com/v2/events"
    assert made.headers["Content-Type"] == "application/json"
    assert made.headers["Charset"] == "utf-8"
    assert made.headers["Rokt-Version"] == "2020-05-21"
    scheme, _, pair = made.headers["Authorization"].partition(" ")
    assert (scheme, b64decode(pair)) == ("Basic", b"rpub-1:rsec-2")


@given(st.text(min_size=1, max_size=64), st.lists(st.text(max_size=9), min_size=1, max_size=5))
def test_the_body_is_the_account_and_the_events_as_they_were_stored(account: str, ids: list[str]) -> None:
    events = [payload(each) for each in ids]
    body = request("http://h", Whole(account), events, KEYS).body
    assert json.loads(body) == {"accountId": account, "events": [json.loads(each) for each in events]}
    assert b",".join(events) in body


def test_an_account_without_its_keys_says_which_it_lacks() -> None:
    assert missing(KEYS) == []
    assert missing(AccountCredentials(public_key="rpub-1")) == ["secret_key"]
    assert missing(AccountCredentials(app_id="x")) == ["public_key", "secret_key"]


def test_app_credentials_make_it_the_first_version() -> None:
    """ "Legacy Authentication (v1)": the same request with a bearer token, where there is no key pair."""
    app = AccountCredentials(app_id="x", app_secret="y")
    assert missing(app) == []
    assert client_of(app) == ("x", "y")
    made = request("https://api.example.com", Whole("12345", token="t0k"), [payload("a")], app)
    assert (made.url, made.headers["Authorization"]) == ("https://api.example.com/v1/events", "Bearer t0k")
    assert made.headers["Rokt-Version"] == "2020-05-21"
    both = AccountCredentials(public_key="rpub-1", secret_key="rsec-2", app_id="x", app_secret="y")
    assert client_of(both) is None


def test_the_id_of_a_stored_event_is_its_client_event_id() -> None:
    event = StoredEvent(1, 2, payload("é"))
    assert EVENT_API.event_id(event) == "é"
    assert EVENT_API.event_of(event.payload, Whole("1"))["eventType"] == "booking"


@pytest.mark.parametrize("foreign", [b"", b"\xff", b"5", b"[]", b"{}", b'{"clientEventId":5}'])
def test_bytes_that_are_no_event_have_an_id_and_a_form_too(foreign: bytes) -> None:
    """So that they can die and be looked at, instead of breaking every attempt at their batch for good."""
    event = StoredEvent(0, 0, foreign)
    assert isinstance(EVENT_API.event_id(event), str)
    json.dumps(EVENT_API.event_of(event.payload, Whole("1")))
