"""`audience` from the producer to Rokt's lists. Source: custom-audience-import-api.txt."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.normalisation import hashed_email, normalised_email
from tests.apis.cases import HASH
from tests.apis.support import SECRET, Fleet, Row, busiest_second, most_at_a_time
from worker.sandbox.audience_validation import read_import

DEFAULT = "AdvertiserDatabase"


@pytest.fixture
def account(forwarder: Fleet) -> str:
    return forwarder.account("pair")


def member(email: str, action: str = "include", **more: Any) -> Row:
    return {"email": email, "action": action, **more}


def details(forwarder: Fleet, account: str) -> list[Row]:
    return [request["details"] for request in forwarder.rokt.requests(account)]


def test_a_key_pair_chooses_v3_and_an_api_key_the_legacy_api(forwarder: Fleet, account: str) -> None:
    """An account that has both is sent to v3; the legacy API knows the account from its key."""
    legacy = forwarder.account("legacy")
    both = forwarder.account("legacy", forwarder.account("pair"))
    for of in (account, legacy, both):
        forwarder.enqueue("audience", of, [member("alice@example.com")])
    forwarder.settled()
    paths = {of: [each["path"] for each in forwarder.rokt.requests(of)] for of in (account, f"{SECRET}-{legacy}", both)}
    assert paths == {
        account: ["/v3/import/suppression"],
        f"{SECRET}-{legacy}": ["/api/1.0/import/suppression"],
        both: ["/v3/import/suppression"],
    }
    assert forwarder.rokt.members(f"{SECRET}-{legacy}") == {DEFAULT: ["alice@example.com"]}


def test_one_address_is_sent_as_one_and_several_as_a_list(forwarder: Fleet, account: str) -> None:
    """`email` and `sha256` for one, `emails` and `sha256s` for more."""
    events = [member("a@example.com", list="one"), *(member(f"{name}@example.com", list="two") for name in "ab")]
    events.append({"sha256": HASH, "action": "include", "list": "hash"})
    events += [{"sha256": hashed_email(f"{n}@example.com"), "action": "include", "list": "hashes"} for n in range(2)]
    forwarder.enqueue("audience", account, events)
    forwarder.settled()
    keys = {each["list"]: each["key"] for each in details(forwarder, account)}
    assert keys == {"one": "email", "two": "emails", "hash": "sha256", "hashes": "sha256s"}
    assert forwarder.statuses(account) == [201] * 4


def test_another_action_or_kind_seals_the_batch_and_the_order_is_kept(forwarder: Fleet, account: str) -> None:
    """Plain and hashed addresses never share a request, nor do include and exclude."""
    events = [
        member("a@example.com"),
        member("b@example.com"),
        {"sha256": HASH, "action": "include"},
        member("a@example.com", "exclude"),
        {"sha256": HASH, "action": "exclude"},
        member("a@example.com"),
    ]
    forwarder.enqueue("audience", account, events)
    forwarder.settled()
    assert [(each["action"], each["kind"]) for each in details(forwarder, account)] == [
        ("include", "plain"),
        ("include", "hashed"),
        ("exclude", "plain"),
        ("exclude", "hashed"),
        ("include", "plain"),
    ]
    assert forwarder.rokt.members(account) == {DEFAULT: ["a@example.com", "b@example.com"]}


def test_who_is_in_a_list_in_the_end_is_who_was_included_last(forwarder: Fleet, account: str) -> None:
    """Two lists, requests that fail or lose their answer, and addresses that join and leave by turns."""
    of = {"match": {"account": account}}
    forwarder.rokt.faults(
        {"status": 503, "probability": 0.2, **of}, {"close": "after", "probability": 0.2, **of}, seed=3
    )
    draws, expected, events = random.Random(1), {"x": set[str](), "y": set[str]()}, []
    for turn in range(5):
        for name, inside in expected.items():
            action = ("include", "exclude")[turn % 2]
            for address in {f"{draws.randrange(12)}@example.com" for _ in range(8)}:
                events.append(member(address, action, list=name))
                (inside.add if action == "include" else inside.discard)(address)
    forwarder.enqueue("audience", account, events)
    forwarder.settled()
    assert forwarder.rokt.members(account) == {name: sorted(inside) for name, inside in expected.items()}
    for name in expected:
        mine = [each for each in forwarder.rokt.requests(account) if each["details"]["list"] == name]
        assert most_at_a_time(mine) == 1
    assert not forwarder.letters(account)


def test_no_list_and_the_default_list_are_one(forwarder: Fleet, account: str) -> None:
    """One order key, so one request, which names no list."""
    forwarder.enqueue("audience", account, [member("a@example.com"), member("b@example.com", list=DEFAULT)])
    forwarder.enqueue("audience", account, [member("a@example.com", "exclude", list=DEFAULT)])
    forwarder.settled()
    assert forwarder.sizes(account) == [2, 1]
    assert forwarder.rokt.members(account) == {DEFAULT: ["b@example.com"]}


def test_addresses_are_trimmed_and_lowercased_and_a_hash_is_never_hashed_again(forwarder: Fleet, account: str) -> None:
    """ "We expect hashes to be of lowercase email addresses"."""
    forwarder.enqueue("audience", account, [member("  Alice@Example.COM\t", list="plain")])
    hashed = {"sha256": f" {HASH.upper()} ", "action": "include", "list": "hashed"}
    forwarder.enqueue("audience", account, [hashed])
    forwarder.settled()
    assert forwarder.rokt.members(account) == {"plain": ["alice@example.com"], "hashed": [HASH]}


def test_only_201_is_success(forwarder: Fleet, account: str) -> None:
    """Another status below 300 is no answer of this API: sent again, and nothing counted on it."""
    of = {"times": 1, "match": {"account": account}}
    forwarder.rokt.faults({"status": 200, "body": "OK", **of}, {"status": 202, "body": "Accepted", **of})
    forwarder.enqueue("audience", account, [member("a@example.com")])
    forwarder.settled()
    assert forwarder.statuses(account) == [200, 202, 201]
    assert forwarder.rokt.members(account) == {DEFAULT: ["a@example.com"]}


def test_a_400_is_a_dead_letter_with_the_apis_words_and_comes_back_as_it_was(forwarder: Fleet, account: str) -> None:
    forwarder.rokt.faults({"status": 400, "match": {"account": account}})
    event = member("a@example.com", list="US_Customers")
    ids = forwarder.enqueue("audience", account, [event])
    forwarder.settled()
    (letter,) = forwarder.letters(account)
    assert (letter["id"], letter["event"], letter["status"]) == (ids[0], event, 400)
    assert letter["reasons"] == [{"code": "BadRequest", "message": "Bad Request"}]
    assert letter["expires_at"] is None


def test_the_rate_and_the_concurrency_of_the_document_are_never_passed(forwarder: Fleet, account: str) -> None:
    """20 lists, 24 requests, two workers: no second sees more than four arrivals, and no request is answered 429."""
    forwarder.rokt.limits(audience={"per_second": 4, "concurrency": 4})
    events = [member(f"{n}@example.com", list=f"list-{n % 20}") for n in range(600)]
    events += [member(f"more-{n}@example.com", list="list-0") for n in range(170)]
    forwarder.enqueue("audience", account, events)
    forwarder.settled()
    requests = forwarder.rokt.requests(account)
    assert {each["status"] for each in requests} == {201}
    assert busiest_second(each["arrived"] for each in requests) <= 4
    assert most_at_a_time(requests) <= 4
    assert max(forwarder.sizes(account)) <= 50
    assert sum(map(len, forwarder.rokt.members(account).values())) == 770


@pytest.mark.parametrize(
    "spelling", ["hello@example.com", "HELLO@EXAMPLE.COM", "  Hello@Example.com\n", HASH, HASH.upper()]
)
def test_the_documents_own_hash_is_made_of_every_spelling(spelling: str) -> None:
    assert hashed_email(spelling) == HASH


@given(st.emails() | st.text(min_size=3, max_size=20).map(lambda text: f"a{text}@example.com") | st.text(max_size=12))
def test_no_address_that_the_producer_takes_is_refused_by_the_api(text: str) -> None:
    """One such address would make the API refuse the whole request."""
    try:
        address = normalised_email(text)
    except ValueError:
        return
    body: Row = {"accountId": "1", "emails": [address], "action": "include"}
    assert not isinstance(read_import(body), str), read_import(body)
    assert normalised_email(address) == address
