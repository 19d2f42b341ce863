"""What the sandbox remembers, and how it is asked."""

from __future__ import annotations

import asyncio
from statistics import median
from typing import Any

import httpx
import pytest

from . import audience, oauth
from .conftest import Client
from .samples import ACCOUNT, HEADERS, PATH, encode, event, payload


def test_a_fresh_sandbox_remembers_nothing(sandbox: Client) -> None:
    assert sandbox.ask("summary") == {
        "requests": {"total": 0, "in_flight": 0, "by_status": {}},
        "events": {"accepted": 0, "distinct": 0, "duplicates": 0},
        "max_concurrency": 0,
    }
    assert sandbox.ask("ids") == {"ids": {}}
    assert sandbox.ask("requests")["requests"] == []


def test_the_summary_counts_requests_events_and_duplicates(sandbox: Client) -> None:
    sandbox.send("a", "b")
    sandbox.send("b", "c", "c")
    sandbox.post(b"{")
    assert sandbox.ask("summary") == {
        "requests": {"total": 3, "in_flight": 0, "by_status": {"200": 2, "400": 1}},
        "events": {"accepted": 5, "distinct": 3, "duplicates": 2},
        "max_concurrency": 1,
    }


def test_the_summary_of_an_account_counts_only_its_own(sandbox: Client) -> None:
    sandbox.send("a", account="one")
    sandbox.send("a", "a", account="two")
    events = {account: sandbox.ask("summary", account=account)["events"] for account in ("one", "two", "three")}
    assert events["one"] == {"accepted": 1, "distinct": 1, "duplicates": 0}
    assert events["two"] == {"accepted": 2, "distinct": 1, "duplicates": 1}
    assert events["three"] == {"accepted": 0, "distinct": 0, "duplicates": 0}
    assert sandbox.ask("summary")["events"] == {"accepted": 3, "distinct": 2, "duplicates": 1}


def test_the_summary_and_the_requests_of_an_api_are_only_its_own(sandbox: Client) -> None:
    sandbox.send("a", account="one")
    audience.post(sandbox, audience.import_of("a@example.com", "b@example.com", accountId="one"))
    oauth.token(sandbox)
    accepted = {
        api: sandbox.ask("summary", api=api)["events"]["accepted"] for api in ("event-api", "audience", "oauth")
    }
    assert accepted == {"event-api": 1, "audience": 2, "oauth": 0}
    assert sandbox.ask("summary", api="audience", account="one")["requests"]["total"] == 1
    assert sandbox.ask("summary", api="audience", account="two")["requests"]["total"] == 0
    assert sandbox.ask("summary", account="one")["requests"]["total"] == 2
    assert sandbox.ask("summary")["requests"]["total"] == 3
    assert [row["api"] for row in sandbox.ask("requests", api="audience")["requests"]] == ["audience"]
    assert sandbox.ask("wait", events=2, api="audience", timeout=0)["events"]["distinct"] == 2
    assert sandbox.http.get("/_sandbox/wait?events=2&api=event-api&timeout=0").status_code == 504


def test_ids_are_counted_by_account(sandbox: Client) -> None:
    sandbox.send("a", "b", account="one")
    sandbox.send("b", account="one")
    sandbox.send("a", account="two")
    assert sandbox.ask("ids") == {"ids": {"one": {"a": 1, "b": 2}, "two": {"a": 1}}}
    assert sandbox.ask("ids", account="two") == {"ids": {"two": {"a": 1}}}
    assert sandbox.ask("ids", duplicates="true") == {"ids": {"one": {"b": 2}}}
    assert sandbox.ask("ids", duplicates="false", api="event-api", account="one") == {"ids": {"one": {"a": 1, "b": 2}}}
    assert sandbox.ask("ids", api="audience") == {"ids": {}}


def test_what_was_taken_of_each_request_is_told_in_order(sandbox: Client) -> None:
    sandbox.rules({"match": {"event": {"clientEventId": "b"}}, "refuse": True}, {"status": 503, "times": 1})
    for ids in ("z", "ab", "b", "ca"):
        sandbox.send(*ids)
    taken = sandbox.ask("taken")["taken"]
    assert [(row["number"], row["api"], row["account"], row["group"], row["ids"]) for row in taken] == [
        (2, "event-api", ACCOUNT, None, ["a"]),
        (4, "event-api", ACCOUNT, None, ["c", "a"]),
    ]
    assert [row["arrived"] for row in taken] == [row["arrived"] for row in sandbox.ask("requests")["requests"]][1::2]
    with_records = sandbox.ask("taken", records="true")["taken"]
    assert [[record["clientEventId"] for record in row["records"]] for row in with_records] == [["a"], ["c", "a"]]


def test_what_was_taken_of_a_list_is_told_though_addresses_have_no_ids(sandbox: Client) -> None:
    audience.post(sandbox, audience.import_of("a@example.com", "b@example.com"))
    audience.post(sandbox, audience.import_of("not an address"))
    audience.post(sandbox, audience.import_of("a@example.com", action="exclude", list="VIP"))
    first, second = sandbox.ask("taken", api="audience", records="true")["taken"]
    assert (first["number"], first["group"], first["ids"]) == (1, "AdvertiserDatabase", [])
    assert [record["email"] for record in first["records"]] == ["a@example.com", "b@example.com"]
    assert (second["number"], second["records"][0]["action"]) == (3, "exclude")
    assert [row["number"] for row in sandbox.ask("taken", group="VIP")["taken"]] == [3]
    assert sandbox.ask("taken", account="other") == {"taken": []}


def test_one_event_is_found_by_its_id_as_it_was_first_sent(sandbox: Client) -> None:
    first = event("a", eventType="first")
    sandbox.post(payload(event("b"), first))
    sandbox.post(payload(event("a", eventType="second")))
    found = sandbox.ask("events/a")
    assert found == {
        "api": "event-api",
        "account": ACCOUNT,
        "id": "a",
        "accepted": 2,
        "requests": [1, 2],
        "event": first,
    }


@pytest.mark.parametrize("event_id", ["a/b", "../x", "a b", "a?b#c", "%41", "é", "/", "\U0001f600"])
def test_an_id_may_hold_any_character(sandbox: Client, event_id: str) -> None:
    sandbox.send(event_id)
    quoted = "".join(f"%{byte:02X}" for byte in event_id.encode())
    assert sandbox.http.get(f"/_sandbox/events/{quoted}").json()["id"] == event_id


def test_an_id_of_several_accounts_is_found_by_account(sandbox: Client) -> None:
    sandbox.send("a", account="one")
    sandbox.send("a", account="two")
    assert sandbox.ask("events/a")["account"] == "one"
    assert sandbox.ask("events/a", account="two")["account"] == "two"
    assert sandbox.http.get("/_sandbox/events/a?account=three").status_code == 404


def test_an_unknown_id_is_404(sandbox: Client) -> None:
    assert sandbox.http.get("/_sandbox/events/a").json()["data"]["code"] == "NotFound"


def test_requests_are_listed_in_the_order_they_came(sandbox: Client) -> None:
    answers = [sandbox.send("a", "b"), sandbox.post(b"{"), sandbox.send("c", account="other")]
    rows = sandbox.ask("requests")["requests"]
    assert [row["number"] for row in rows] == [1, 2, 3]
    assert [row["account"] for row in rows] == [ACCOUNT, None, "other"]
    assert [row["events"] for row in rows] == [2, 0, 1]
    assert [row["status"] for row in rows] == [200, 400, 200]
    assert [row["path"] for row in rows] == [PATH] * 3
    assert [row["trace_id"] for row in rows] == [answer.headers["X-Rokt-Trace-Id"] for answer in answers]
    times = [moment for row in rows for moment in (row["arrived"], row["ended"])]
    assert times == sorted(times)


def test_requests_can_be_asked_by_account_and_after_a_number(sandbox: Client) -> None:
    for account in ("one", "two", "one"):
        sandbox.send("a", account=account)
    assert [row["number"] for row in sandbox.ask("requests", account="one")["requests"]] == [1, 3]
    assert [row["number"] for row in sandbox.ask("requests", account="one", after=1)["requests"]] == [3]
    assert sandbox.ask("requests", account="three")["requests"] == []


def test_a_refused_request_still_counts_for_its_account(sandbox: Client) -> None:
    sandbox.send("a", authorization="Basic nonsense")
    assert sandbox.ask("summary", account=ACCOUNT)["requests"]["by_status"] == {"401": 1}


async def test_the_highest_concurrency_is_kept(sandbox: Client, http: httpx.AsyncClient) -> None:
    sandbox.rules({"hang": True, "times": 3})
    hanging = [asyncio.create_task(post(http, str(number))) for number in range(3)]
    await http.get("/_sandbox/wait", params={"requests": 3})
    await post(http, "last")
    for task in hanging:
        task.cancel()
    assert sandbox.ask("summary")["max_concurrency"] == 4
    assert sandbox.ask("summary", account="other")["max_concurrency"] == 0


async def post(http: httpx.AsyncClient, *ids: str, account: str = ACCOUNT) -> httpx.Response:
    return await http.post(PATH, content=encode(payload(*map(event, ids), account=account)), headers=HEADERS)


def test_wait_returns_at_once_when_it_is_so_already(sandbox: Client) -> None:
    sandbox.send("a", "b")
    summary = sandbox.ask("wait", events=2, requests=1, timeout=0)
    assert summary == sandbox.ask("summary")


async def test_wait_returns_when_the_last_event_arrives(sandbox: Client, http: httpx.AsyncClient) -> None:
    waiting = asyncio.create_task(http.get("/_sandbox/wait", params={"events": 3, "timeout": 20}))
    await post(http, "a", "b")
    await post(http, "b")
    assert sandbox.ask("summary")["events"]["distinct"] == 2
    assert not waiting.done()
    await post(http, "c")
    answer = await waiting
    assert (answer.status_code, answer.json()["events"]["distinct"]) == (200, 3)


async def test_wait_for_requests_counts_those_under_way(sandbox: Client, http: httpx.AsyncClient) -> None:
    sandbox.rules({"hang": True})
    hanging = asyncio.create_task(post(http, "a"))
    answer = await http.get("/_sandbox/wait", params={"requests": 1, "timeout": 20})
    assert answer.json()["requests"] == {"total": 1, "in_flight": 1, "by_status": {}}
    hanging.cancel()


async def test_wait_for_an_account_ignores_the_others(sandbox: Client, http: httpx.AsyncClient) -> None:
    waiting = asyncio.create_task(http.get("/_sandbox/wait", params={"events": 1, "account": "one", "timeout": 20}))
    await post(http, "a", account="two")
    assert sandbox.http.get("/_sandbox/wait?events=1&account=one&timeout=0").status_code == 504
    await post(http, "a", account="one")
    assert (await waiting).status_code == 200


@pytest.mark.parametrize("question", ["events=1", "requests=1", "events=0&requests=1"])
def test_wait_ends_with_504_after_its_time(sandbox: Client, question: str) -> None:
    answer = sandbox.http.get(f"/_sandbox/wait?{question}&timeout=0.05")
    assert answer.status_code == 504
    assert answer.json() == sandbox.ask("summary")


def test_reset_forgets_what_was_received_but_not_the_rules(sandbox: Client) -> None:
    sandbox.rules({"match": {"account": "other"}, "status": 503})
    sandbox.send("a")
    sandbox.http.post("/_sandbox/reset")
    assert sandbox.ask("summary")["requests"]["total"] == 0
    assert sandbox.http.get("/_sandbox/events/a").status_code == 404
    assert sandbox.send("a", account="other").status_code == 503


def test_a_reset_of_the_settings_makes_it_as_it_was_at_its_start(sandbox: Client) -> None:
    sandbox.rules({"status": 503}, seed=7)
    sandbox.credentials({"one": {"public_key": "a", "secret_key": "b"}})
    sandbox.http.put("/_sandbox/limits", content=b'{"event-api": {"per_second": 1}}')
    sandbox.http.put("/_sandbox/oauth", content=b'{"expires_in": 5}')
    sandbox.http.put("/_sandbox/query", content=b'{"accounts": []}')
    assert sandbox.http.post("/_sandbox/reset?settings=true").status_code == 200
    assert [sandbox.send("a").status_code for _ in range(2)] == [200, 200]
    assert sandbox.ask("faults") == {"seed": 0, "fired": []}
    assert sandbox.ask("limits") == {}
    assert sandbox.ask("oauth") == {"expires_in": 3600, "given": 0, "by_app": {}, "valid": 0}
    assert len(sandbox.ask("query")["accounts"]) == 2


async def test_a_request_from_before_a_reset_is_not_counted_after_it(sandbox: Client, http: httpx.AsyncClient) -> None:
    sandbox.rules({"hang": True, "times": 1})
    hanging = asyncio.create_task(post(http, "a"))
    await http.get("/_sandbox/wait", params={"requests": 1})
    sandbox.rules()
    sandbox.http.post("/_sandbox/reset")
    hanging.cancel()
    await asyncio.wait([hanging])
    await post(http, "b")
    assert sandbox.ask("summary")["requests"] == {"total": 1, "in_flight": 0, "by_status": {"200": 1}}


@pytest.mark.parametrize(
    "question",
    [
        "summary?acount=1",
        "summary?account=1&account=2",
        "ids?duplicates=yes",
        "requests?after=-1",
        "requests?after=x",
        "wait",
        "wait?timeout=1",
        "wait?events=1.5",
        "wait?events=" + "9" * 20,
        "wait?events=1&timeout=-1",
        "wait?events=1&timeout=nan",
        "wait?events=1&timeout=1e400",
        "faults?seed=1",
        "accepted?session=1",
        "audience?members=yes",
        "limits?api=audience",
        "oauth?app=1",
        "query?account=1",
        "%73ummary?%ff=%00",
    ],
)
def test_a_mistyped_question_is_told(sandbox: Client, question: str) -> None:
    answer = sandbox.http.get(f"/_sandbox/{question}")
    assert (answer.status_code, answer.json()["data"]["code"]) == (400, "InvalidParameter")


def test_an_answer_is_not_held_back_by_the_network(sandbox: Client) -> None:
    """With Nagle's algorithm on, half of the answers of one connection come 40 ms late."""

    def typical() -> float:
        return median(sandbox.send(f"e-{number}").elapsed.total_seconds() for number in range(41))

    assert any(typical() < 0.03 for _ in range(10))  # a busy machine gets another round; held back all would be


def test_two_hundred_thousand_events_stay_quick(sandbox: Client) -> None:
    """The last requests take no longer than the first ones: nothing looks through what is remembered."""
    bodies: list[Any] = [payload(*[event(f"{batch}-{n}", objectData=[]) for n in range(100)]) for batch in range(2_000)]
    answers = [sandbox.post(body) for body in bodies]
    assert all(answer.status_code == 200 for answer in answers)
    assert sandbox.ask("summary")["events"]["distinct"] == 200_000
    rows = sandbox.ask("requests")["requests"]
    took = [row["ended"] - row["arrived"] for row in rows]
    assert sorted(took[-500:])[250] < 5 * sorted(took[:500])[250] + 0.005
