"""Refused credentials park one account; the others feel nothing, and a mended file is enough to go on."""

from __future__ import annotations

import pytest

from tests.apis.support import Fleet, booking, signal
from tests.outcomes.parking import twenty_accounts


def test_one_account_of_twenty_is_refused_and_the_others_feel_nothing(forwarder: Fleet) -> None:
    """The short form of `python -m tests.outcomes.measure_parking`."""
    told = twenty_accounts(forwarder, before_s=4, refused_s=6)
    assert told.dead == 0
    assert told.refused_requests <= 9  # those under way when the first was refused
    assert told.undelivered == 0
    assert told.p95_during_s <= told.p95_before_s * 2 + 0.5  # a shared machine; the measurement is strict


@pytest.mark.parametrize("status", [401, 403])
def test_a_parked_account_goes_on_when_it_is_resumed(forwarder: Fleet, status: int) -> None:
    account = forwarder.account("tag")
    forwarder.rokt.faults({"status": status, "match": {"account": account}})
    forwarder.enqueue("server-events", account, [signal("s", 0)])
    (hold,) = forwarder.held("server-events", account)
    assert (hold["kind"], hold["ends_in_s"]) == ("parked", None)
    said = forwarder.cli.run("drain", "--timeout", "0.1").err
    assert "1 of them parked" in said
    assert f"account {account} parked" in said
    forwarder.rokt.faults()
    assert forwarder.cli.done("resume", "server-events", "--account", account, "--json").json == {"resumed": 1}
    forwarder.settled()
    assert forwarder.statuses(account) == [status, 200]
    assert forwarder.letters(account) == []


def test_an_account_without_credentials_waits_for_them(forwarder: Fleet) -> None:
    forwarder.enqueue("event-api", "not-in-the-file", [booking(1)])
    (hold,) = forwarder.held("event-api", "not-in-the-file")
    assert "CredentialsMissing" in hold["reason"]
    forwarder.account("pair", "not-in-the-file")
    forwarder.settled()
    assert forwarder.statuses("not-in-the-file") == [200]


def test_a_paused_destination_sends_nothing_until_it_is_resumed(forwarder: Fleet) -> None:
    account, other = forwarder.account("pair"), forwarder.account("tag")
    forwarder.cli.run("pause", "event-api", "--reason", "maintenance")
    forwarder.enqueue("event-api", account, [booking(1)])
    forwarder.enqueue("server-events", other, [signal("s", 0)])
    forwarder.rokt.wait(events=1, account=other)
    assert forwarder.requests(account) == []
    assert "event-api: all paused: maintenance" in forwarder.cli.run("status").out
    forwarder.cli.run("resume", "event-api")
    forwarder.settled()
    assert forwarder.statuses(account) == [200]


def test_a_paused_account_sends_nothing_until_it_is_resumed(forwarder: Fleet) -> None:
    account, other = forwarder.account("pair"), forwarder.account("pair")
    forwarder.cli.run("pause", "event-api", "--account", account)
    for each in (account, other):
        forwarder.enqueue("event-api", each, [booking(1)])
    forwarder.rokt.wait(events=1, account=other)
    assert forwarder.requests(account) == []
    assert forwarder.cli.done("resume", "event-api", "--account", account, "--json").json == {"resumed": 1}
    forwarder.settled()
    assert forwarder.statuses(account) == [200]
