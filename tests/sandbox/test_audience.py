"""`POST /v3/import/suppression` and its legacy edition, as Rokt's document has them, and who is a member afterwards."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from worker.sandbox.app import create_app
from worker.sandbox.server import running

from .audience import (
    API_KEY,
    DEFAULT_LIST,
    HASH,
    HEADERS,
    LEGACY,
    PATH,
    import_of,
    members,
    post,
    sha256,
)
from .conftest import Client
from .samples import ACCOUNT, authorization, encode

PAIR = {"public_key": "rpub-one", "secret_key": "rsec-one"}
OTHER = {"public_key": "rpub-two", "secret_key": "rsec-two"}


def assert_refused(answer: httpx.Response, field: str) -> None:
    """As the document has it, with the reason where only the sandbox's users look."""
    assert (answer.status_code, answer.text) == (400, "Bad Request")
    assert answer.headers["X-Sandbox-Reason"].startswith(field), answer.headers["X-Sandbox-Reason"]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (PATH, {"accountId": ACCOUNT, "emails": ["alice@example.com", "bob@example.com"], "action": "include"}),
        (PATH, {"accountId": ACCOUNT, "list": "US_Customers", "sha256": HASH, "action": "exclude"}),
        (LEGACY, {"emails": ["alice@example.com", "bob@example.com"], "action": "include"}),
        (LEGACY, {"list": "US_Customers", "sha256": HASH, "action": "exclude"}),
    ],
)
def test_the_documents_own_samples_are_created(sandbox: Client, path: str, body: Any) -> None:
    answer = post(sandbox, body, path)
    assert (answer.status_code, answer.text) == (201, "Created")
    assert answer.headers["X-Rokt-Trace-Id"]


def test_the_documents_hash_is_the_one_of_its_address() -> None:
    assert sha256("hello@example.com") == HASH


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("email", "a@example.com", ["a@example.com"]),
        ("emails", ["a@example.com", "b@example.com"], ["a@example.com", "b@example.com"]),
        ("sha256", HASH, [HASH]),
        ("sha256s", [HASH, sha256("x")], sorted([HASH, sha256("x")])),
    ],
)
def test_each_of_the_four_keys_names_members(sandbox: Client, field: str, value: Any, expected: list[str]) -> None:
    assert post(sandbox, import_of(**{"emails": ..., field: value})).status_code == 201
    assert members(sandbox) == expected


@pytest.mark.parametrize(
    "keys", [(), ("email", "emails"), ("emails", "sha256s"), ("email", "sha256"), ("sha256", "sha256s")]
)
def test_exactly_one_of_the_four_must_be_there(sandbox: Client, keys: tuple[str, ...]) -> None:
    good = {"email": "a@example.com", "emails": ["a@example.com"], "sha256": HASH, "sha256s": [HASH]}
    body = import_of(**({"emails": ...} | {key: good[key] for key in keys}))
    assert_refused(post(sandbox, body), "exactly one of")


@pytest.mark.parametrize("empty", [[], None, ""])
def test_an_empty_one_beside_another_is_still_two(sandbox: Client, empty: Any) -> None:
    assert_refused(post(sandbox, import_of(sha256s=empty)), "exactly one of")


@pytest.mark.parametrize("value", [None, "", 1, "a@example.com", {}, []])
@pytest.mark.parametrize("key", ["emails", "sha256s"])
def test_a_list_must_be_one_and_not_empty(sandbox: Client, key: str, value: Any) -> None:
    assert_refused(post(sandbox, import_of(**{"emails": ..., key: value})), f"{key}: must")


@pytest.mark.parametrize("value", [None, 1, [], {}, "", "x", ["a@example.com"]])
@pytest.mark.parametrize("key", ["email", "sha256"])
def test_a_single_one_must_be_a_good_string(sandbox: Client, key: str, value: Any) -> None:
    assert_refused(post(sandbox, import_of(**{"emails": ..., key: value})), f"{key}: must")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Alice@example.com", "lower case"),
        ("ÉA@example.com", "lower case"),
        (" alice@example.com", "white space"),
        ("alice@example.com\n", "white space"),
        ("alice", "e-mail address"),
        ("alice@", "e-mail address"),
        ("@example.com", "e-mail address"),
        ("a b@example.com", "e-mail address"),
        ("a@b@example.com", "e-mail address"),
        ("a\x00@example.com", "e-mail address"),
        (HASH, "looks like a hash"),
        (HASH.upper(), "looks like a hash"),
    ],
)
def test_one_wrong_address_refuses_the_whole_request(sandbox: Client, text: str, reason: str) -> None:
    for body, path in (
        (import_of("good@example.com", text), "emails[1]"),
        (import_of(emails=..., email=text), "email"),
    ):
        answer = post(sandbox, body)
        assert_refused(answer, f"{path}: must")
        assert reason in answer.headers["X-Sandbox-Reason"]
        assert text not in answer.headers["X-Sandbox-Reason"]
    assert members(sandbox) == []


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("alice@example.com", "looks like an e-mail address"),
        (HASH.upper(), "64 hexadecimal digits"),
        (HASH[:-1], "64 hexadecimal digits"),
        (HASH + "0", "64 hexadecimal digits"),
        (" " + HASH, "64 hexadecimal digits"),
        (HASH[:-1] + "g", "64 hexadecimal digits"),
        (HASH + "\n", "64 hexadecimal digits"),
    ],
)
def test_one_wrong_hash_refuses_the_whole_request(sandbox: Client, text: str, reason: str) -> None:
    for fields, path in (({"sha256s": [HASH, text]}, "sha256s[1]"), ({"sha256": text}, "sha256")):
        answer = post(sandbox, import_of(emails=..., **fields))
        assert_refused(answer, f"{path}: must")
        assert reason in answer.headers["X-Sandbox-Reason"]


def test_100_000_addresses_are_accepted_and_one_more_is_not(sandbox: Client) -> None:
    hashes = [sha256(str(number)) for number in range(100_001)]
    assert_refused(post(sandbox, import_of(emails=..., sha256s=hashes)), "sha256s: must hold 1 to 100000")
    assert post(sandbox, import_of(emails=..., sha256s=hashes[1:])).status_code == 201
    assert sandbox.ask("audience") == {"lists": {ACCOUNT: {DEFAULT_LIST: {"members": 100_000}}}}
    assert sandbox.ask("summary")["events"] == {"accepted": 100_000, "distinct": 100_000, "duplicates": 0}


@pytest.mark.parametrize("action", [..., None, "", "Include", "add", 1, ["include"]])
def test_the_action_is_include_or_exclude(sandbox: Client, action: Any) -> None:
    assert_refused(post(sandbox, import_of(action=action)), "action")


@pytest.mark.parametrize("name", [None, "", 1, [], "x" * 257])
def test_a_list_has_a_name_or_is_not_named(sandbox: Client, name: Any) -> None:
    assert_refused(post(sandbox, import_of(list=name)), "list")


@pytest.mark.parametrize("account", [..., None, "", 1, [], "a" * 65])
def test_v3_needs_the_account_in_the_body(sandbox: Client, account: Any) -> None:
    assert_refused(post(sandbox, import_of(accountId=account)), "accountId")


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"\xff", b"[" * 5000, b"{}"])
@pytest.mark.parametrize("path", [PATH, LEGACY])
def test_a_body_that_cannot_be_used_is_400(sandbox: Client, path: str, body: bytes) -> None:
    assert_refused(post(sandbox, body, path), "")


@pytest.mark.parametrize("path", [PATH, LEGACY])
def test_headers_are_those_of_the_document(sandbox: Client, path: str) -> None:
    assert_refused(post(sandbox, import_of(), path, content_type="text/plain"), "Content-Type")
    assert_refused(post(sandbox, import_of(), path, content_type=None), "Content-Type")
    assert_refused(post(sandbox, import_of(), path, content_encoding="gzip"), "Content-Encoding")


@pytest.mark.parametrize("value", [None, "", "Basic", API_KEY, "Bearer x", authorization("x", "y")])
def test_v3_wants_a_key_pair(sandbox: Client, value: str | None) -> None:
    answer = post(sandbox, import_of(), authorization=value)
    assert (answer.status_code, answer.text) == (401, "Unauthorized")


@pytest.mark.parametrize("value", [None, "", "Bearer x", authorization()])
def test_the_legacy_edition_wants_an_api_key(sandbox: Client, value: str | None) -> None:
    assert post(sandbox, import_of(), LEGACY, authorization=value).status_code == 401


def test_with_a_table_v3_knows_only_its_pairs_for_their_accounts(sandbox: Client) -> None:
    sandbox.credentials({ACCOUNT: PAIR, "other": OTHER})
    assert post(sandbox, import_of()).status_code == 401
    assert post(sandbox, import_of(), authorization=authorization(*PAIR.values())).status_code == 201
    answer = post(sandbox, import_of(), authorization=authorization(*OTHER.values()))
    assert (answer.status_code, answer.text) == (403, "Forbidden")


def test_with_a_table_an_api_key_is_its_accounts(sandbox: Client) -> None:
    sandbox.credentials({ACCOUNT: {"audience_api_key": "k-1"}, "other": {**OTHER, "audience_api_key": "k-2"}})
    assert post(sandbox, import_of(accountId=...), LEGACY).status_code == 401
    assert post(sandbox, import_of("a@example.com", accountId=...), LEGACY, authorization="k-2").status_code == 201
    assert members(sandbox, account="other") == ["a@example.com"]


def test_without_a_table_the_api_key_stands_for_the_account(sandbox: Client) -> None:
    post(sandbox, import_of("a@example.com", accountId=...), LEGACY)
    assert members(sandbox, account=API_KEY) == ["a@example.com"]
    assert sandbox.ask("summary", account=API_KEY)["events"]["accepted"] == 1


def test_one_api_key_cannot_be_two_accounts(sandbox: Client) -> None:
    keys = {"audience_api_key": "k"}
    answer = sandbox.credentials({"one": keys, "two": keys})
    assert (answer.status_code, answer.json()["data"]["code"]) == (400, "InvalidCredentials")


def test_members_come_and_go_in_the_order_of_the_requests(sandbox: Client) -> None:
    post(sandbox, import_of("a@example.com", "b@example.com", "a@example.com"))
    post(sandbox, import_of("a@example.com", "c@example.com", action="exclude"))
    assert members(sandbox) == ["b@example.com"]
    post(sandbox, import_of("a@example.com"))
    assert members(sandbox) == ["a@example.com", "b@example.com"]


def test_lists_and_accounts_are_apart(sandbox: Client) -> None:
    post(sandbox, import_of("a@example.com"))
    post(sandbox, import_of("b@example.com", list="US_Customers"))
    post(sandbox, import_of("c@example.com", accountId="other", list="US_Customers", action="exclude"))
    assert sandbox.ask("audience") == {
        "lists": {
            ACCOUNT: {DEFAULT_LIST: {"members": 1}, "US_Customers": {"members": 1}},
            "other": {"US_Customers": {"members": 0}},
        }
    }
    assert sandbox.ask("audience", account=ACCOUNT, list="US_Customers", members="true") == {
        "lists": {ACCOUNT: {"US_Customers": {"members": 1, "addresses": ["b@example.com"]}}}
    }
    assert sandbox.ask("audience", account="nobody") == {"lists": {}}


def test_an_address_counts_once_for_each_list_and_action(sandbox: Client) -> None:
    post(sandbox, import_of("a@example.com", "b@example.com", "b@example.com"))
    post(sandbox, import_of("a@example.com"))
    post(sandbox, import_of("a@example.com", action="exclude"))
    post(sandbox, import_of("a@example.com", list="other"))
    assert sandbox.ask("summary")["events"] == {"accepted": 6, "distinct": 4, "duplicates": 2}
    assert sandbox.ask("wait", events=4, timeout=0)["events"]["distinct"] == 4


def test_the_requests_tell_what_they_were_about(sandbox: Client) -> None:
    post(sandbox, import_of("a@example.com", "b@example.com"))
    post(sandbox, import_of(emails=..., sha256=HASH, list="L", action="exclude"))
    post(sandbox, import_of("A@example.com"))
    rows = sandbox.ask("requests", account=ACCOUNT)["requests"]
    assert [(row["api"], row["path"], row["events"], row["group"]) for row in rows] == [
        ("audience", PATH, 2, DEFAULT_LIST),
        ("audience", PATH, 1, "L"),
        ("audience", PATH, 1, DEFAULT_LIST),
    ]
    assert [row["details"] for row in rows] == [
        {"list": DEFAULT_LIST, "action": "include", "kind": "plain", "key": "emails"},
        {"list": "L", "action": "exclude", "kind": "hashed", "key": "sha256"},
        {
            "list": DEFAULT_LIST,
            "action": "include",
            "kind": "plain",
            "key": "emails",
            "refused": "emails[0]: must be in lower case",
        },
    ]


def test_a_reset_forgets_the_lists(sandbox: Client) -> None:
    post(sandbox, import_of())
    sandbox.http.post("/_sandbox/reset")
    assert sandbox.ask("audience") == {"lists": {}}


@pytest.mark.parametrize(
    ("status", "text"), [(400, "Bad Request"), (429, "Too Many Requests"), (503, "Service Unavailable")]
)
def test_a_status_comes_with_its_bare_words_and_takes_nothing_in(sandbox: Client, status: int, text: str) -> None:
    sandbox.rules({"status": status})
    answer = post(sandbox, import_of())
    assert (answer.status_code, answer.text) == (status, text)
    assert members(sandbox) == []
    sandbox.rules({"status": status, "code": "C", "message": "M"})
    assert post(sandbox, import_of()).text == "C: M"


def test_a_rule_may_match_one_address_of_many(sandbox: Client) -> None:
    sandbox.rules({"match": {"event": {"email": "bad@example.com", "list": "L"}}, "status": 400})
    assert post(sandbox, import_of("a@example.com", "bad@example.com", list="L")).status_code == 400
    assert post(sandbox, import_of("a@example.com", "bad@example.com")).status_code == 201
    assert post(sandbox, import_of("a@example.com", list="L")).status_code == 201
    sandbox.rules({"match": {"event": {"sha256": HASH}}, "status": 400})
    assert post(sandbox, import_of(emails=..., sha256s=[sha256("x"), HASH])).status_code == 400


def test_single_addresses_cannot_be_refused(sandbox: Client) -> None:
    """The document knows no answer for it."""
    sandbox.rules({"refuse": True}, {"miscount": 1})
    assert post(sandbox, import_of("a@example.com")).status_code == 201
    assert members(sandbox) == ["a@example.com"]
    assert sandbox.ask("faults")["fired"] == [0, 0]


def test_close_after_takes_in_and_close_before_does_not(sandbox: Client) -> None:
    for when, expected in (("before", []), ("after", ["alice@example.com"])):
        sandbox.rules({"close": when})
        with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
            post(sandbox, import_of())
        assert members(sandbox) == expected


@pytest.fixture
async def small() -> AsyncIterator[httpx.AsyncClient]:
    """A sandbox whose limits of bytes are 500, and 1,000 for this API."""
    app = create_app(max_body_bytes=500, max_audience_body_bytes=1_000)
    async with running(app) as server, httpx.AsyncClient(base_url=server.url, headers=HEADERS) as client:
        yield client


async def test_it_has_a_limit_of_bytes_of_its_own(small: httpx.AsyncClient) -> None:
    body = encode(import_of()).ljust(1_000)
    assert (await small.post(PATH, content=body)).status_code == 201
    assert (await small.post(PATH, content=body + b" ")).status_code == 413
    assert (await small.post("/v2/events", content=body)).status_code == 413


def test_16_megabytes_are_read_by_default(sandbox: Client) -> None:
    body = encode(import_of())
    assert post(sandbox, body.ljust(16_000_000)).status_code == 201
    assert post(sandbox, body.ljust(16_000_001)).status_code == 413


def test_a_million_addresses_are_borne(sandbox: Client) -> None:
    for part in range(10):
        hashes = [f"{part * 100_000 + number:064x}" for number in range(100_000)]
        assert post(sandbox, import_of(emails=..., sha256s=hashes)).status_code == 201
    assert sandbox.ask("audience")["lists"][ACCOUNT][DEFAULT_LIST]["members"] == 1_000_000
    rows = sandbox.ask("requests")["requests"]
    assert max(row["ended"] - row["arrived"] for row in rows) < 3
