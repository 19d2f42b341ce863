"""What integrators get wrong, one test each (`rokt-facts.md`)."""

from __future__ import annotations

import importlib
from hashlib import sha256

import pytest

from producers import audience
from producers.checkout import conversion
from producers.clock import DAY_MS, parse_rfc3339_utc
from producers.destinations import DESTINATIONS
from producers.destinations.accounts import AccountCredentials
from producers.errors import InvalidEvent
from tests.apis.cases import CASES, HASH
from tests.apis.support import KINDS, SECRET, Fleet, booking, signal
from tests.unit.samples import ACCOUNT, NOW


def test_mistake_1_a_200_taken_as_delivered_while_unprocessed_records_is_not_empty(forwarder: Fleet) -> None:
    account = forwarder.account("pair")
    events = [booking(n) for n in range(4)]
    refused = {"clientEventId": events[2]["clientEventId"]}
    forwarder.rokt.faults(
        {"refuse": True, "code": "ValidationError", "message": "Invalid content", "match": {"event": refused}}
    )
    before = forwarder.settled()["event-api"]["delivered"]
    ids = forwarder.enqueue("event-api", account, events)
    assert forwarder.settled()["event-api"]["delivered"] == before + 3
    (letter,) = forwarder.letters(account)
    assert (letter["id"], letter["status"], letter["event"]) == (ids[2], 200, events[2])
    assert letter["reasons"] == [{"code": "ValidationError", "message": "Invalid content"}]


@pytest.mark.parametrize(
    ("destination", "kind"), [("event-api", "pair"), ("server-events", "tag"), ("audience", "pair")]
)
def test_mistake_2_a_batch_marked_as_success_before_it_was_answered(
    forwarder: Fleet, destination: str, kind: str
) -> None:
    """While the request is under way its events are in flight, and nowhere else."""
    account = forwarder.account(kind)
    made = {
        "event-api": booking(0),
        "server-events": signal("s", 0),
        "audience": {"email": "a@example.com", "action": "include"},
    }
    before = forwarder.settled()[destination]
    forwarder.rokt.faults({"delay": 2, "match": {"account": account}})
    forwarder.enqueue(destination, account, [made[destination]])
    forwarder.rokt.wait(requests=1, account=account)
    meanwhile = forwarder.status()[destination]
    assert (meanwhile["in_flight"], meanwhile["delivered"]) == (1, before["delivered"])
    assert forwarder.settled()[destination]["delivered"] == before["delivered"] + 1


@pytest.mark.parametrize(
    ("event", "field"),
    [
        ({"sha256": "alice@example.com"}, "event.sha256"),
        ({"email": HASH}, "event.email"),
        ({"sha256": HASH[:-1]}, "event.sha256"),
        ({"email": "a@example.com", "sha256": HASH}, "event"),
        ({}, "event"),
    ],
)
def test_mistake_3_plain_addresses_sent_as_hashes(event: dict[str, str], field: str) -> None:
    with pytest.raises(InvalidEvent) as refusal:
        DESTINATIONS["audience"].prepare(ACCOUNT, event | {"action": "include"}, None, NOW)
    assert [fault.field for fault in refusal.value.faults] == [field]


def test_mistake_3_values_hashed_twice() -> None:
    assert audience.include("hello@example.com", hashed=True)["sha256"] == HASH
    assert audience.include(HASH, hashed=True)["sha256"] == HASH
    assert audience.include(HASH.upper(), hashed=True)["sha256"] == HASH


@pytest.mark.parametrize("wrong", ["jane@example.com", "fab1e2e6", HASH[:-1] + "g"])
def test_mistake_3_a_conversion_whose_email_sha256_is_none(wrong: str) -> None:
    """Rokt could match nothing by it, and a plain address would lie where only hashes are expected."""
    with pytest.raises(InvalidEvent, match=r"^email_sha256: "):
        conversion(order_id="1", amount=1, currency="USD", email_sha256=wrong)


@pytest.mark.parametrize(
    ("function", "value", "plain"),
    [
        ("hashed_name", "  John ", "john"),
        ("hashed_mobile", "555-123 4567", "5551234567"),
    ],
)
def test_mistake_4_names_not_lowercased_and_mobile_numbers_hashed_with_punctuation(
    function: str, value: str, plain: str
) -> None:
    hashed = getattr(importlib.import_module("producers.normalisation"), function)
    assert hashed(value) == sha256(plain.encode()).hexdigest()


def test_mistake_4_an_email_not_lowercased_before_it_is_sent() -> None:
    made = conversion(order_id="1", amount=1, currency="USD", email="  Jane@Example.COM ")
    assert {"name": "email", "value": "jane@example.com"} in made["objectData"]


@pytest.mark.parametrize(("destination", "kind"), [("event-api", "pair"), ("server-events", "tag")])
def test_mistake_5_ids_and_times_made_when_sending(forwarder: Fleet, destination: str, kind: str) -> None:
    """An event that named neither has both from its producer: a retry and a replay bring the same ones."""
    account = forwarder.account(kind)
    whole = booking(0) if destination == "event-api" else signal("s", 0)
    event = {name: value for name, value in whole.items() if name not in ("clientEventId", "eventTime")}
    forwarder.rokt.faults(
        {"status": 503, "times": 1, "match": {"account": account}},
        {"refuse": True, "times": 1, "match": {"account": account}},
    )
    (event_id,) = forwarder.enqueue(destination, account, [event])
    forwarder.settled()
    (letter,) = forwarder.letters(account)
    assert letter["id"] == event_id
    forwarder.cli.done("dlq", "replay", "--account", account, "--all", "--yes")
    forwarder.settled()
    (row,) = forwarder.rokt.accepted(account)
    assert row["event"] == letter["event"]
    assert row["event"]["eventTime"] <= letter["enqueued_at"]
    assert row["event"].get("clientEventId", event_id) == event_id


@pytest.mark.parametrize(
    ("destination", "wrong"),
    [
        (name, kind)
        for name, case in CASES.items()
        for kind in KINDS
        if not any(sufficient.keys() == KINDS[kind].keys() for sufficient in case.kinds)
    ],
)
def test_mistake_6_the_four_kinds_of_credentials_mixed_up(destination: str, wrong: str) -> None:
    """Another API's are as none: what is missing is named, and no token is asked for."""
    given = AccountCredentials(**{name: text.format("1") for name, text in KINDS[wrong].items()})
    told = DESTINATIONS[destination].missing(given)
    assert told == CASES[destination].lacking
    assert not DESTINATIONS[destination].client_of(given)
    assert SECRET not in str(told)


def test_mistake_6_an_account_with_another_apis_credentials_makes_no_request(forwarder: Fleet) -> None:
    """Its events wait, and are delivered once the right ones are there."""
    account = forwarder.account("pair")
    forwarder.enqueue("server-events", account, [signal("s", 0)])
    other = forwarder.account("tag")
    forwarder.enqueue("server-events", other, [signal("s", 0)])
    forwarder.rokt.wait(events=1, account=other)
    assert forwarder.rokt.requests(account) == []
    forwarder.account("tag", account)
    forwarder.settled()
    assert forwarder.statuses(account) == [200]


def test_mistake_7_a_dead_letter_left_until_it_can_never_be_sent_again(forwarder: Fleet) -> None:
    """It tells until when: three days after its event, not after its death."""
    account = forwarder.account("tag")
    forwarder.rokt.faults({"refuse": True, "match": {"account": account}})
    event = signal("s", 0)
    forwarder.enqueue("server-events", account, [event])
    forwarder.settled()
    (letter,) = forwarder.letters(account)
    assert parse_rfc3339_utc(letter["expires_at"]) == parse_rfc3339_utc(event["eventTime"]) + 3 * DAY_MS


def test_no_secret_and_no_address_is_in_any_log(forwarder: Fleet) -> None:
    """Whatever the tests before this one made the workers do."""
    account = forwarder.account("app")
    forwarder.rokt.faults({"status": 500, "times": 1, "match": {"account": account}})
    forwarder.enqueue("event-api", account, [booking(1)])
    forwarder.settled()
    log = forwarder.logs()
    assert '"event": "attempt"' in log
    assert SECRET not in log
    assert "@example.com" not in log
