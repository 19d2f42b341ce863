"""What the Server Events API answers: messages, times, codes of single events."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from worker.sandbox.app import create_app
from worker.sandbox.server import running

from .conftest import Client
from .samples import encode, utc_text
from .server_events import DEFAULT_TIME, HEADERS, PATH, TAG, codes, echoes, event_id, refusal, send, signal


def test_no_message_repeats_a_value(sandbox: Client) -> None:
    secret = "jane@example.com"
    refused = [send(sandbox, signal(sessionId=[secret])), send(sandbox, signal(), signal(sessionId=secret))]
    assert all(secret not in answer.text for answer in refused)


NOW = datetime(2026, 8, 31, 12, 0, 0, tzinfo=UTC)
TICK = timedelta(microseconds=1)


@pytest.fixture
async def at_noon() -> AsyncIterator[httpx.AsyncClient]:
    """A sandbox whose clock stands still at `NOW`."""
    async with running(create_app(now=lambda: NOW)) as server, httpx.AsyncClient(base_url=server.url) as client:
        yield client


@pytest.mark.parametrize(
    ("moment", "inside"),
    [
        (NOW - timedelta(days=3), True),
        (NOW + timedelta(minutes=5), True),
        (NOW - timedelta(days=3) - TICK, False),
        (NOW + timedelta(minutes=5) + TICK, False),
    ],
)
async def test_the_time_window_is_three_days_and_five_minutes(
    at_noon: httpx.AsyncClient, moment: datetime, *, inside: bool
) -> None:
    body = encode({"events": [signal(eventTime=utc_text(moment))]})
    answer = await at_noon.post(PATH, content=body, headers=HEADERS)
    if inside:
        assert answer.status_code == 200
    else:
        assert codes(answer) == [["EventTimeOutOfRange"]]


@pytest.mark.parametrize(("status", "title"), [(400, "BadRequest"), (401, "Unauthorized"), (429, "TooManyRequests")])
def test_a_fault_of_the_4xx_has_the_documents_body(sandbox: Client, status: int, title: str) -> None:
    sandbox.rules({"status": status, "match": {"path": PATH}, "retry_after": 3})
    answer = send(sandbox, signal())
    assert refusal(answer)[0] == status
    assert answer.json()["title"] == title
    assert answer.headers["Retry-After"] == "3"
    assert sandbox.send("an event of the Event API").status_code == 200


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_fault_of_the_5xx_has_no_body(sandbox: Client, status: int) -> None:
    sandbox.rules({"status": status, "code": "unused"})
    answer = send(sandbox, signal())
    assert (answer.status_code, answer.content) == (status, b"")
    assert "Content-Type" not in answer.headers
    assert answer.headers["X-Rokt-Trace-Id"]
    assert sandbox.ask("summary")["events"]["accepted"] == 0


def test_a_rule_refuses_matching_events_with_several_errors(sandbox: Client) -> None:
    errors = [{"code": "One", "message": "1"}, {"code": "Two", "message": "2"}]
    sandbox.rules({"match": {"event": {"clientUniqueId": "bad"}}, "refuse": True, "errors": errors})
    bad = signal("bad")
    answer = send(sandbox, signal("good"), bad)
    assert answer.status_code == 207
    assert answer.json()["unprocessedEvents"] == [{"errors": errors, "event": bad}]
    assert answer.json()["processedEventsCount"] == 1
    assert [row["event"]["clientUniqueId"] for row in sandbox.ask("accepted")["accepted"]] == ["good"]


def test_the_event_api_tells_the_first_of_several_errors(sandbox: Client) -> None:
    sandbox.rules({"refuse": True, "errors": [{"code": "One", "message": "1"}, {"code": "Two", "message": "2"}]})
    (record,) = sandbox.send("a").json()["data"]["unprocessedRecords"]
    assert record["error"] == {"code": "One", "message": "1"}


def test_a_rewritten_echo_has_only_the_client_unique_id_left(sandbox: Client) -> None:
    sandbox.rules({"refuse": True, "rewrite": True})
    assert echoes(send(sandbox, signal("bad"))) == [
        {
            "eventType": "Unknown",
            "sessionId": "",
            "eventTime": DEFAULT_TIME,
            "parentGuid": "",
            "clientUniqueId": "bad",
        }
    ]


def test_an_echo_can_be_rewritten_field_by_field(sandbox: Client) -> None:
    sandbox.rules({"refuse": True, "rewrite": {"clientUniqueId": "unheard-of"}})
    event = signal("bad")
    assert echoes(send(sandbox, event)) == [event | {"clientUniqueId": "unheard-of"}]


@pytest.mark.parametrize("name", ["name", "Name"])
def test_a_rule_may_match_an_entry_of_metadata_in_either_spelling(sandbox: Client, name: str) -> None:
    sandbox.rules({"match": {"event": {"metadata.kind": "x"}}, "refuse": True})
    value = "value" if name == "name" else "Value"
    assert send(sandbox, signal(metadata=[{name: "kind", value: "x"}])).status_code == 207
    assert send(sandbox, signal(metadata=[{name: "kind", value: "y"}])).status_code == 200


def test_the_events_own_errors_come_before_those_of_a_rule(sandbox: Client) -> None:
    sandbox.rules({"refuse": True, "code": "Rule"})
    assert codes(send(sandbox, signal("a"), signal("b", parentGuid=""))) == [["Rule"], ["ParentGuidIsMissing"]]


@pytest.mark.parametrize(("by", "told"), [(1, 3), (-1, 1), (-2, 0)])
def test_a_miscount_falsifies_the_number_of_processed_events_and_nothing_else(
    sandbox: Client, by: int, told: int
) -> None:
    sandbox.rules({"miscount": by, "times": 1})
    answer = send(sandbox, signal("a"), signal("b"))
    assert answer.json() == {"processedEventsCount": told, "unprocessedEvents": [], "success": True}
    assert sandbox.ask("summary")["events"]["accepted"] == 2
    assert send(sandbox, signal("c")).json()["processedEventsCount"] == 1


def test_a_miscount_goes_together_with_refusals(sandbox: Client) -> None:
    sandbox.rules({"miscount": 1}, {"match": {"event": {"clientUniqueId": "bad"}}, "refuse": True})
    assert send(sandbox, signal("a"), signal("bad")).json()["processedEventsCount"] == 2
    assert send(sandbox, 1).status_code == 400
    assert sandbox.ask("faults")["fired"] == [1, 1]


def test_close_after_takes_in_only_what_the_api_itself_would(sandbox: Client) -> None:
    sandbox.rules({"close": "after"})
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        send(sandbox, signal("good"), signal("bad", parentGuid=""))
    assert [row["event"]["clientUniqueId"] for row in sandbox.ask("accepted")["accepted"]] == ["good"]


def test_an_event_is_known_by_the_digest_of_what_it_says(sandbox: Client) -> None:
    event = signal("a")
    reordered = dict(reversed(event.items()))
    send(sandbox, event, signal("b"), event)
    send(sandbox, reordered)
    counts = sandbox.ask("ids")["ids"][TAG]
    assert counts[event_id(event)] == 2
    assert counts[event_id(event) + "-2"] == 1
    assert sandbox.ask("summary")["events"] == {"accepted": 4, "distinct": 3, "duplicates": 1}
    found = sandbox.ask(f"events/{event_id(event)}")
    assert (found["api"], found["account"], found["requests"], found["event"]) == ("server-events", TAG, [1, 2], event)


def test_accepted_events_are_listed_by_session_in_the_order_of_their_acceptance(sandbox: Client) -> None:
    send(sandbox, signal("a"), signal("b"))
    send(sandbox, signal("other", sessionId="s-2"))
    send(sandbox, signal("c"), signal("bad", parentGuid=""), signal("b"))
    sandbox.send("of the Event API")
    rows = sandbox.ask("accepted", api="server-events", account=TAG, group="s-1")["accepted"]
    assert [row["event"]["clientUniqueId"] for row in rows] == ["a", "b", "c", "b"]
    assert [row["number"] for row in rows] == [1, 1, 3, 3]
    assert [row["id"] for row in rows] == [event_id(row["event"]) for row in rows]
    assert all((row["api"], row["account"], row["group"]) == ("server-events", TAG, "s-1") for row in rows)
    arrived = {row["number"]: row["arrived"] for row in sandbox.ask("requests")["requests"]}
    assert [row["arrived"] for row in rows] == [arrived[row["number"]] for row in rows]
    assert len(sandbox.ask("accepted")["accepted"]) == 6
    assert [row["id"] for row in sandbox.ask("accepted", api="event-api")["accepted"]] == ["of the Event API"]
    assert sandbox.ask("accepted", group="nowhere") == {"accepted": []}


def test_the_requests_are_listed_with_their_api_tag_and_session(sandbox: Client) -> None:
    send(sandbox, signal("a"))
    send(sandbox, signal("a"), rokt_secret=None)
    rows = sandbox.ask("requests", account=TAG)["requests"]
    told = [(row["api"], row["path"], row["group"], row["events"], row["status"]) for row in rows]
    assert told == [("server-events", PATH, "s-1", 1, 200), ("server-events", PATH, "s-1", 1, 401)]
