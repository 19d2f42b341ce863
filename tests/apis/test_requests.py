"""What goes over the wire and what is checked before it, by the documents' own words. Pure."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Sequence
from typing import Any

import pytest

from producers import audience, session
from producers.clock import DAY_MS, rfc3339
from producers.destinations import DESTINATIONS, Prepared, Whole
from producers.destinations.accounts import AccountCredentials
from producers.destinations.answers import Request
from producers.errors import InvalidEvent
from tests.apis.cases import HASH, LEGACY, PAIR, TAG, signal
from tests.unit.samples import ACCOUNT, NOW

V3, OLD = AccountCredentials(**PAIR), AccountCredentials(**LEGACY)
BOTH = [{"email": "alice@example.com", "action": "include"}, {"email": "bob@example.com", "action": "include"}]
ONE = [{"list": "US_Customers", "sha256": HASH, "action": "exclude"}]


def prepared(destination: str, event: Any) -> Prepared:
    return DESTINATIONS[destination].prepare(ACCOUNT, event, None, NOW)


def faults(event: Any) -> list[str]:
    """The fields for which `server-events` refuses an event."""
    with pytest.raises(InvalidEvent) as refusal:
        prepared("server-events", event)
    return [fault.field for fault in refusal.value.faults]


def asked(destination: str, events: Sequence[Any], credentials: AccountCredentials) -> Request:
    made = [prepared(destination, event) for event in events]
    of = Whole(ACCOUNT, made[0].order, made[0].kind)
    host = DESTINATIONS[destination].hosts["production"]
    return DESTINATIONS[destination].request(host, of, [each.payload for each in made], credentials)


def test_the_v3_requests_are_those_of_the_documents_command_lines() -> None:
    for events, body in (
        (BOTH, {"emails": ["alice@example.com", "bob@example.com"], "action": "include"}),
        (ONE, {"list": "US_Customers", "sha256": HASH, "action": "exclude"}),
    ):
        request = asked("audience", events, V3)
        assert request.url == "https://data.rokt.com/v3/import/suppression"
        assert json.loads(request.body) == {"accountId": ACCOUNT, **body}
        scheme, _, pair = request.headers["Authorization"].partition(" ")
        assert (scheme, b64decode(pair).decode()) == ("Basic", "rpub-s3cret:rsec-s3cret")


def test_the_legacy_requests_are_those_of_the_documents_command_lines() -> None:
    """The key as it is, without a scheme, and no `accountId` in the body."""
    for events, body in (
        (BOTH, {"emails": ["alice@example.com", "bob@example.com"], "action": "include"}),
        (ONE, {"list": "US_Customers", "sha256": HASH, "action": "exclude"}),
    ):
        request = asked("audience", events, OLD)
        assert request.url == "https://data.rokt.com/api/1.0/import/suppression"
        assert json.loads(request.body) == body
        assert request.headers == {"Content-Type": "application/json", "Authorization": "key-s3cret"}


@pytest.mark.parametrize("events", [BOTH, BOTH[:1], ONE, ONE * 2])
def test_exactly_one_of_the_four_keys_is_there(events: list[Any]) -> None:
    body = json.loads(asked("audience", events, V3).body)
    assert len(body.keys() & {"email", "emails", "sha256", "sha256s"}) == 1


def test_the_default_list_is_not_named() -> None:
    event = BOTH[0] | {"list": "AdvertiserDatabase"}
    assert "list" not in json.loads(asked("audience", [event], V3).body)


def test_the_shops_words_for_lists_make_good_events() -> None:
    assert audience.include(" Alice@Example.com ", list_name="x") == {
        "email": " Alice@Example.com ",
        "action": "include",
        "list": "x",
    }
    assert prepared("audience", audience.exclude("HELLO@example.com", hashed=True)).payload == b'"%s"' % HASH.encode()


def test_the_headers_of_server_events_are_the_documents() -> None:
    request = asked("server-events", [signal()], AccountCredentials(**TAG))
    assert request.url == "https://server-api.rokt.com/v1/partner/events"
    assert request.headers == {
        "content-type": "application/json",
        "accept": "application/json",
        "rokt-tag-id": "tag-s3cret",
        "rokt-pub-id": "client-s3cret",
        "rokt-secret": "clientsec-s3cret",
    }
    assert json.loads(request.body) == {"events": [signal()]}


@pytest.mark.parametrize("kind", ["SignalImpression", "SignalViewed", "SignalResponse"])
def test_the_three_event_types_are_taken(kind: str) -> None:
    assert prepared("server-events", signal(eventType=kind)).order == signal()["sessionId"]


@pytest.mark.parametrize("kind", ["", "signalImpression", "SignalInitialize", "Unknown"])
def test_another_event_type_is_refused(kind: str) -> None:
    assert faults(signal(eventType=kind)) == ["event.eventType"]


def test_the_time_of_a_signal_lies_within_three_days_and_five_minutes() -> None:
    """To the millisecond; the ends belong to it."""
    for inside in (NOW - 3 * DAY_MS, NOW + 5 * 60_000):
        assert prepared("server-events", signal(eventTime=rfc3339(inside))).event_time == inside
    for outside in (NOW - 3 * DAY_MS - 1, NOW + 5 * 60_000 + 1):
        assert faults(signal(eventTime=rfc3339(outside))) == ["event.eventTime"]


@pytest.mark.parametrize(
    ("metadata", "field"),
    [
        ({}, "event.metadata"),
        ([{"name": "", "value": "x"}], "event.metadata[0].name"),
        ([{"name": "a", "value": "x"}, {"Name": "b"}], "event.metadata[1].value"),
        ([{"name": "a", "value": 5}], "event.metadata[0].value"),
        (["a"], "event.metadata[0]"),
        (None, "event.metadata"),
    ],
)
def test_metadata_is_a_list_of_names_and_values(metadata: Any, field: str) -> None:
    assert faults(signal(metadata=metadata)) == [field]


@pytest.mark.parametrize("function", [session.impression, session.viewed, session.response])
def test_the_shops_words_for_signals_make_good_events(function: Any) -> None:
    made = function(session="s", parent="p", transaction="t", metadata={"a": "b"})
    assert json.loads(prepared("server-events", made).payload)["clientUniqueId"] == "t"
