"""Every JSON sample of the documents goes its whole way, and arrives equal."""

from __future__ import annotations

import pytest

from tests.apis import documents
from tests.apis.cases import HASH
from tests.apis.support import SECRET, Fleet, Row


@pytest.fixture(scope="module")
def accounts(whole_fleet: Fleet) -> dict[str, str]:
    """Those the samples are for: credentials -> account."""
    return {kind: whole_fleet.account(kind) for kind in ("tag", "pair", "legacy")}


@pytest.fixture(scope="module")
def sent(whole_fleet: Fleet, accounts: dict[str, str]) -> list[Row]:
    """The lines of all samples, enqueued by the command line and settled."""
    lines = [line for _, line in documents.lines(**accounts)]
    whole_fleet.cli.enqueue(lines)
    whole_fleet.settled()
    return lines


def events(sent: list[Row], destination: str) -> list[Row]:
    return [line["event"] for line in sent if line["destination"] == destination]


def test_the_samples_of_the_event_api_arrive_equal(forwarder: Fleet, sent: list[Row], accounts: dict[str, str]) -> None:
    found = [row["event"] for row in forwarder.rokt.accepted(accounts["pair"])]
    assert found == events(sent, "event-api")


def test_the_sample_of_the_server_events_api_arrives_equal(
    forwarder: Fleet, sent: list[Row], accounts: dict[str, str]
) -> None:
    found = [row["event"] for row in forwarder.rokt.accepted(accounts["tag"])]
    assert found == events(sent, "server-events")
    assert forwarder.sizes(accounts["tag"]) == [3]


@pytest.mark.parametrize("edition", ["pair", "legacy"])
@pytest.mark.usefixtures("sent")
def test_the_samples_of_the_audience_api_arrive_equal(forwarder: Fleet, accounts: dict[str, str], edition: str) -> None:
    """Both editions: two addresses join the default list, one hash leaves another."""
    account = accounts[edition] if edition == "pair" else f"{SECRET}-{accounts[edition]}"
    asked = [each for each in forwarder.rokt.requests(account) if each["api"] == "audience"]
    told = sorted((each["details"]["list"], each["details"]["key"], each["details"]["action"]) for each in asked)
    assert told == [("AdvertiserDatabase", "emails", "include"), ("US_Customers", "sha256", "exclude")]
    assert {each["status"] for each in asked} == {201}
    assert forwarder.rokt.members(account)["AdvertiserDatabase"] == ["alice@example.com", "bob@example.com"]


@pytest.mark.usefixtures("sent")
def test_the_hash_of_the_sample_leaves_the_list_it_was_in(forwarder: Fleet, accounts: dict[str, str]) -> None:
    account = accounts["pair"]
    for action, members in (("include", [HASH]), ("exclude", [])):
        forwarder.enqueue("audience", account, [{"list": "US_Customers", "sha256": HASH, "action": action}])
        forwarder.settled()
        assert forwarder.rokt.members(account).get("US_Customers", []) == members


def test_no_sample_died(forwarder: Fleet, sent: list[Row], accounts: dict[str, str]) -> None:
    assert len(sent) == 12
    assert not [letter for account in accounts.values() for letter in forwarder.letters(account)]
