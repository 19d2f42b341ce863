"""Tokens as OAuth 2.0 and Rokt's document have them, and the Event API v1, which takes them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from worker.sandbox.app import create_app
from worker.sandbox.server import running

from .conftest import Client
from .oauth import APP, APP_ID, APP_SECRET, FORM, PATH, V1, ask_for_token, bearer, send_v1, token
from .samples import ACCOUNT, HEADERS, authorization, encode, event, payload, utc_text

UUID_4 = "0b0ab44e-4c4f-4f7c-9b1e-5d7a0f4e7a11"


def oauth(sandbox: Client, value: Any) -> httpx.Response:
    return sandbox.http.put("/_sandbox/oauth", content=encode(value))


def refusal(answer: httpx.Response) -> tuple[int, str]:
    assert set(answer.json()) == {"error", "error_description"}
    return answer.status_code, answer.json()["error"]


def test_the_documents_sample_gets_a_token_for_an_hour(sandbox: Client) -> None:
    answer = ask_for_token(sandbox)
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    body = answer.json()
    assert body == {"access_token": body["access_token"], "expires_in": 3600, "token_type": "Bearer"}
    assert len(body["access_token"].split(".")) == 3
    assert send_v1(sandbox, body["access_token"], "a").json() == {"data": {"unprocessedRecords": []}}


def test_every_token_is_another_one_and_they_hold_together(sandbox: Client) -> None:
    tokens = {token(sandbox) for _ in range(5)}
    assert len(tokens) == 5
    assert {send_v1(sandbox, text, "a").status_code for text in tokens} == {200}
    assert sandbox.ask("oauth") == {"expires_in": 3600, "given": 5, "by_app": {APP_ID: 5}, "valid": 5}


@pytest.mark.parametrize(
    "value",
    [
        "",
        "Basic",
        "Basic ???",
        "Bearer x",
        authorization("", APP_SECRET),
        authorization(APP_ID, ""),
        authorization("rpub-1", "rsec-1"),
    ],
)
def test_credentials_that_are_no_apps_are_an_invalid_client(sandbox: Client, value: str) -> None:
    answer = ask_for_token(sandbox, authorization=value)
    assert refusal(answer) == (401, "invalid_client")
    assert answer.headers["WWW-Authenticate"].startswith("Basic")


def test_with_a_table_only_its_apps_are_known(sandbox: Client) -> None:
    sandbox.credentials({ACCOUNT: APP})
    assert ask_for_token(sandbox).status_code == 200
    wrong = authorization(APP_ID, "wrong")
    assert refusal(ask_for_token(sandbox, authorization=wrong)) == (401, "invalid_client")


@pytest.mark.parametrize("value", ["", "application/json", "multipart/form-data"])
def test_the_content_type_is_a_forms(sandbox: Client, value: str) -> None:
    assert refusal(ask_for_token(sandbox, content_type=value)) == (400, "invalid_request")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "invalid_request"),
        (b"{}", "invalid_request"),
        (b"grant_type=", "invalid_request"),
        (b"grant_type=client_credentials&grant_type=client_credentials", "invalid_request"),
        (b"grant_type=client_credentials&client_id=x", "invalid_request"),
        (b"grant_type=client_credentials&client_secret=x", "invalid_request"),
        (b"\xff=\xff", "invalid_request"),
        (b"a=1&" * 60, "invalid_request"),
        (b'{"grant_type": "client_credentials"}', "invalid_request"),
        (b"grant_type=password", "unsupported_grant_type"),
        (b"grant_type=CLIENT_CREDENTIALS", "unsupported_grant_type"),
        (b"grant_type=%ff", "unsupported_grant_type"),
    ],
)
def test_a_form_that_cannot_be_used_is_told_as_oauth_does(sandbox: Client, body: bytes, code: str) -> None:
    assert refusal(ask_for_token(sandbox, body)) == (400, code)
    assert sandbox.ask("oauth")["given"] == 0


def test_a_field_that_is_not_known_is_let_be(sandbox: Client) -> None:
    """RFC 6749, 3.2: it "MUST ignore unrecognized request parameters"."""
    assert ask_for_token(sandbox, "grant_type=client_credentials&scope=x").status_code == 200


def test_a_fault_gives_no_token(sandbox: Client) -> None:
    sandbox.rules({"match": {"path": PATH, "account": APP_ID}, "status": 503})
    assert refusal(ask_for_token(sandbox)) == (503, "temporarily_unavailable")
    assert sandbox.ask("oauth")["given"] == 0
    assert sandbox.ask("requests", account=APP_ID)["requests"][0]["api"] == "oauth"


def test_a_token_that_was_lost_on_its_way_was_given_out(sandbox: Client) -> None:
    sandbox.rules({"close": "after"})
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        ask_for_token(sandbox)
    assert sandbox.ask("oauth")["given"] == 1


def test_tokens_can_be_revoked(sandbox: Client) -> None:
    old = token(sandbox)
    assert oauth(sandbox, {"revoke": True}).json()["valid"] == 0
    assert send_v1(sandbox, old, "a").status_code == 401
    assert send_v1(sandbox, token(sandbox), "a").status_code == 200


def test_the_lifetime_is_that_of_the_tokens_to_come(sandbox: Client) -> None:
    old = token(sandbox)
    assert oauth(sandbox, {"expires_in": 0}).json()["expires_in"] == 0
    answer = ask_for_token(sandbox)
    assert answer.json()["expires_in"] == 0
    assert send_v1(sandbox, answer.json()["access_token"], "a").status_code == 401
    assert send_v1(sandbox, old, "a").status_code == 200


def test_a_reset_counts_again_but_ends_no_token(sandbox: Client) -> None:
    held = token(sandbox)
    sandbox.http.post("/_sandbox/reset")
    assert sandbox.ask("oauth") == {"expires_in": 3600, "given": 0, "by_app": {}, "valid": 1}
    assert send_v1(sandbox, held, "a").status_code == 200


@pytest.mark.parametrize(
    "value", [None, [], {"expires": 5}, {"expires_in": -1}, {"expires_in": "5"}, {"expires_in": 5, "revoke": 1}]
)
def test_a_wrong_setting_changes_nothing(sandbox: Client, value: Any) -> None:
    token(sandbox)
    answer = oauth(sandbox, value)
    assert (answer.status_code, answer.json()["data"]["code"]) == (400, "InvalidOauth")
    assert sandbox.ask("oauth") == {"expires_in": 3600, "given": 1, "by_app": {APP_ID: 1}, "valid": 1}


NOON = datetime(2026, 8, 31, 12, 0, 0, tzinfo=UTC)


class Clock:
    """The sandbox's clock, in the test's hand."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def own(clock: Clock) -> AsyncIterator[httpx.AsyncClient]:
    """A sandbox that has this test's clock."""
    async with running(create_app(now=clock)) as server, httpx.AsyncClient(base_url=server.url) as client:
        yield client


async def post_at_noon(own: httpx.AsyncClient, path: str, headers: dict[str, str]) -> int:
    body = encode(payload(event(eventTime=utc_text(NOON))))
    return (await own.post(path, content=body, headers=headers)).status_code


async def test_a_token_ends_after_its_hour(own: httpx.AsyncClient, clock: Clock) -> None:
    answer = await own.post(PATH, content=b"grant_type=client_credentials", headers=FORM)
    headers = bearer(answer.json()["access_token"])
    clock.now = NOON + timedelta(seconds=3599.999)
    assert await post_at_noon(own, V1, headers) == 200
    clock.now = NOON + timedelta(hours=1)
    assert await post_at_noon(own, V1, headers) == 401


async def test_an_idempotency_key_is_forgotten_after_three_hours(own: httpx.AsyncClient, clock: Clock) -> None:
    headers = HEADERS | {"Idempotency-Key": UUID_4}
    statuses = []
    for age in (timedelta(), timedelta(hours=3), timedelta(hours=3, microseconds=1), timedelta(hours=4)):
        clock.now = NOON + age
        statuses.append(await post_at_noon(own, "/v2/events", headers))
    assert statuses == [200, 409, 200, 409]


@pytest.mark.parametrize("value", [None, "", "Bearer", "Bearer unknown", authorization()])
def test_v1_wants_a_token_that_was_given_out(sandbox: Client, value: str | None) -> None:
    headers = {name: text for name, text in (HEADERS | {"Authorization": value}).items() if text is not None}
    answer = sandbox.http.post(V1, content=encode(payload(event())), headers=headers)
    assert (answer.status_code, answer.json()["data"]["code"]) == (401, "UnauthorizedError")


def test_v2_takes_no_token(sandbox: Client) -> None:
    assert sandbox.send("a", authorization=f"Bearer {token(sandbox)}").status_code == 401


def test_with_a_table_a_token_serves_the_accounts_of_its_app(sandbox: Client) -> None:
    sandbox.credentials({"one": APP, "two": APP, "three": {"app_id": "x", "app_secret": "y"}})
    held = token(sandbox)
    answers = {account: send_v1(sandbox, held, "a", account=account) for account in ("one", "two", "three")}
    assert {account: answer.status_code for account, answer in answers.items()} == {
        "one": 200,
        "two": 200,
        "three": 403,
    }
    assert answers["three"].json()["data"]["code"] == "Forbidden"


def test_v1_differs_from_v2_in_nothing_else(sandbox: Client) -> None:
    held = token(sandbox)
    bodies: list[Any] = [payload(event(eventType=1)), payload(), {}, []]
    for body in bodies:
        v1 = sandbox.http.post(V1, content=encode(body), headers=bearer(held))
        v2 = sandbox.post(body)
        assert (v1.status_code, v1.json()) == (v2.status_code, v2.json())
    charset = bearer(held) | {"Charset": "latin-1"}
    assert sandbox.http.post(V1, content=encode(payload(event())), headers=charset).status_code == 400


def test_an_event_sent_through_both_editions_was_sent_twice(sandbox: Client) -> None:
    sandbox.send("a")
    send_v1(sandbox, token(sandbox), "a")
    found = sandbox.ask("events/a")
    assert (found["api"], found["accepted"]) == ("event-api", 2)


def test_a_rule_may_touch_only_one_edition(sandbox: Client) -> None:
    sandbox.rules({"match": {"path": V1}, "status": 503})
    assert send_v1(sandbox, token(sandbox), "a").status_code == 503
    assert sandbox.send("a").status_code == 200


def keyed(sandbox: Client, *ids: str, key: str = UUID_4, account: str = ACCOUNT) -> httpx.Response:
    return sandbox.send(*ids, account=account, idempotency_key=key)


def seen(answer: httpx.Response) -> bool:
    data = answer.json()["data"]
    return (
        answer.status_code == 409
        and data["code"] == "DuplicateRequestError"
        and "has been seen before" in data["message"]
    )


@pytest.mark.parametrize(
    "key", ["", "x", UUID_4[:-1], UUID_4.replace("-4f7c", "-1f7c"), UUID_4.replace("-9b1e", "-cb1e")]
)
def test_an_idempotency_key_is_a_uuid_of_version_4(sandbox: Client, key: str) -> None:
    answer = keyed(sandbox, "a", key=key)
    assert (answer.status_code, answer.json()["data"]["code"]) == (400, "RequestValidationError")
    assert answer.json()["data"]["message"].startswith("Idempotency-Key")


def test_a_second_request_of_a_key_is_409_and_takes_nothing_in(sandbox: Client) -> None:
    assert keyed(sandbox, "a").status_code == 200
    assert seen(keyed(sandbox, "a"))
    assert seen(keyed(sandbox, "b", key=UUID_4.upper()))
    assert sandbox.accepted() == {"a": 1}


def test_a_key_is_the_accounts_own_and_both_editions(sandbox: Client) -> None:
    keyed(sandbox, "a")
    assert keyed(sandbox, "a", account="other").status_code == 200
    headers = bearer(token(sandbox)) | {"Idempotency-Key": UUID_4}
    assert seen(sandbox.http.post(V1, content=encode(payload(event())), headers=headers))


@pytest.mark.parametrize("rule", [{"status": 503}, {"status": 429}, {"status": 400}])
def test_a_request_that_was_not_taken_in_was_not_seen(sandbox: Client, rule: Any) -> None:
    sandbox.rules({**rule, "times": 1})
    assert keyed(sandbox, "a").status_code == rule["status"]
    assert keyed(sandbox, "a").status_code == 200


def test_a_request_out_of_order_was_not_seen(sandbox: Client) -> None:
    assert sandbox.post(payload(event(eventType=1)), idempotency_key=UUID_4).status_code == 400
    assert keyed(sandbox, "a").status_code == 200


@pytest.mark.parametrize(("when", "status"), [("after", 409), ("before", 200)])
def test_a_request_whose_answer_was_lost_was_seen_if_it_was_taken_in(sandbox: Client, when: str, status: int) -> None:
    sandbox.rules({"close": when, "times": 1})
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        keyed(sandbox, "a")
    assert keyed(sandbox, "a").status_code == status
    assert sandbox.accepted() == {"a": 1}


def test_single_records_that_were_refused_do_not_open_a_key_again(sandbox: Client) -> None:
    sandbox.rules({"refuse": True, "times": 1})
    assert keyed(sandbox, "a").json()["data"]["unprocessedRecords"]
    assert seen(keyed(sandbox, "a"))


async def test_of_two_requests_at_once_one_is_taken_in(sandbox: Client, http: httpx.AsyncClient) -> None:
    sandbox.rules({"delay": 0.1})
    headers = HEADERS | {"Idempotency-Key": UUID_4}
    posts = [http.post("/v2/events", content=encode(payload(event("a"))), headers=headers) for _ in range(2)]
    assert sorted(answer.status_code for answer in await asyncio.gather(*posts)) == [200, 409]
    assert sandbox.accepted() == {"a": 1}


def test_a_reset_forgets_the_keys(sandbox: Client) -> None:
    keyed(sandbox, "a")
    sandbox.http.post("/_sandbox/reset")
    assert keyed(sandbox, "a").status_code == 200
