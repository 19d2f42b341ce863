"""A request that is refused whole: bad events are found, good ones delivered, and a fault of all parks the account."""

from __future__ import annotations

import random
from typing import Any

import pytest

from tests.apis.support import Fleet, booking, signal

BAD = {"objectData": [{"name": "poison", "value": "yes"}]}


def refusing(account: str, **match: Any) -> dict[str, Any]:
    return {
        "status": 400,
        "code": "RequestValidationError",
        "message": "said the sandbox",
        "match": {"account": account, **match},
    }


def poisoned(forwarder: Fleet, bad: set[int]) -> tuple[str, list[str]]:
    """An account with 100 events in one batch; the API refuses every request that holds one of the bad."""
    account = forwarder.account("pair")
    forwarder.rokt.faults(refusing(account, event={"objectData.poison": "yes"}))
    events = [booking(number, **(BAD if number in bad else {})) for number in range(100)]
    return account, forwarder.enqueue("event-api", account, events)


@pytest.mark.parametrize("place", [0, 37, 99])
def test_one_bad_event_among_100_costs_at_most_15_requests(forwarder: Fleet, place: int) -> None:
    account, ids = poisoned(forwarder, {place})
    forwarder.settled()
    assert len(forwarder.requests(account)) <= 15
    (letter,) = forwarder.letters(account)
    assert letter["id"] == ids[place]
    assert letter["reasons"] == [{"code": "RequestValidationError", "message": "said the sandbox"}]
    assert forwarder.rokt.ids(account)[account] == {id_: 1 for id_ in ids if id_ != ids[place]}


@pytest.mark.parametrize("bad", [{0, 1, 2, 3, 4}, {95, 96, 97, 98, 99}, set(random.Random(4).sample(range(100), 5))])
def test_five_bad_events_among_100_are_found_and_95_are_delivered(forwarder: Fleet, bad: set[int]) -> None:
    account, ids = poisoned(forwarder, bad)
    forwarder.settled()
    assert {letter["id"] for letter in forwarder.letters(account)} == {ids[place] for place in bad}
    assert len(forwarder.rokt.ids(account)[account]) == 95


def test_a_request_that_is_too_large_goes_out_in_halves(forwarder: Fleet) -> None:
    """Nothing is wrong with any event."""
    account = forwarder.account("pair")
    forwarder.rokt.faults({"status": 413, "times": 3, "match": {"account": account}})
    ids = forwarder.enqueue("event-api", account, [booking(number) for number in range(100)])
    forwarder.settled()
    assert sorted(forwarder.rokt.ids(account)[account]) == sorted(ids)
    assert forwarder.letters(account) == []


def test_too_many_events_go_out_in_halves_and_in_order(forwarder: Fleet) -> None:
    account = forwarder.account("tag")
    rule = {"status": 422, "code": "TooManyEvents", "times": 2, "match": {"account": account}}
    forwarder.rokt.faults(rule)
    forwarder.enqueue("server-events", account, [signal("s", number) for number in range(25)])
    forwarder.settled()
    accepted = [row["event"]["clientUniqueId"] for row in forwarder.rokt.accepted(account)]
    assert accepted == [str(number) for number in range(25)]


@pytest.mark.parametrize("destination", ["event-api", "server-events"])
def test_a_fault_of_every_request_parks_the_account_and_keeps_its_events(forwarder: Fleet, destination: str) -> None:
    """A wrong `Rokt-Version` or account id: a handful of requests, at most three dead letters."""
    account = forwarder.account("pair" if destination == "event-api" else "tag")
    forwarder.rokt.faults(refusing(account))
    if destination == "event-api":
        forwarder.enqueue(destination, account, [booking(number) for number in range(1_000)])
    else:
        forwarder.enqueue(destination, account, [signal(f"s{number % 90}", number) for number in range(1_000)])
    (hold,) = forwarder.held(destination, account)
    assert hold["kind"] == "parked"
    assert "RequestValidationError: said the sandbox" in hold["reason"]
    letters = len(forwarder.letters(account))
    assert letters <= 3
    requests = len(forwarder.requests(account))
    assert requests <= 30  # those under way at the first refusal included
    assert forwarder.status()[destination]["parked"] == 1_000 - letters
    forwarder.rokt.faults()
    assert forwarder.cli.done("resume", destination, "--account", account, "--json").json["resumed"] == 1
    forwarder.settled()
    assert len(forwarder.rokt.accepted(account)) == 1_000 - letters
