"""`server-events` from the producer to Rokt. Source: server-events-api.txt."""

from __future__ import annotations

import random
from itertools import count

import pytest

from producers.clock import DAY_MS
from tests.apis.support import Fleet, Row, at, most_at_a_time, signal
from tests.integration.support import eventually

EMPTIED = {
    "eventType": "Unknown",
    "eventTime": "0001-01-01T00:00:00+00:00",
    "parentGuid": "",
    "clientUniqueId": "",
}


@pytest.fixture
def account(forwarder: Fleet) -> str:
    return forwarder.account("tag")


def numbers(rows: list[Row]) -> list[int]:
    """The events' numbers at their first acceptance."""
    return list(dict.fromkeys(int(row["event"]["clientUniqueId"]) for row in rows))


def delivered(forwarder: Fleet, account: str) -> set[int]:
    return set(numbers(forwarder.rokt.accepted(account)))


def only_of(account: str, **event: str) -> Row:
    return {"account": account, **({"event": event} if event else {})}


def test_a_request_holds_25_events_of_one_session_and_is_taken(forwarder: Fleet, account: str) -> None:
    """The sandbox refuses a wrong header, a 26th event and a second session."""
    forwarder.enqueue("server-events", account, [signal("ab"[n % 2], n) for n in range(120)])
    forwarder.settled()
    requests = forwarder.rokt.requests(account)
    assert [each["path"] for each in requests] == ["/v1/partner/events"] * 6
    assert {each["status"] for each in requests} == {200}
    assert sorted((each["group"], each["events"]) for each in requests) == [
        (session, events) for session in "ab" for events in (10, 25, 25)
    ]
    assert numbers(forwarder.rokt.accepted(account, "a")) == list(range(0, 120, 2))


def test_the_order_within_a_session_survives_faults_and_one_request_of_it_is_under_way(
    forwarder: Fleet, account: str
) -> None:
    """A fifth of the requests fails in one of four ways; an event may come twice, never before its elders."""
    of = {"match": only_of(account)}
    forwarder.rokt.faults(
        {"status": 500, "probability": 0.05, **of},
        {"status": 503, "probability": 0.05, **of},
        {"close": "before", "probability": 0.05, **of},
        {"close": "after", "probability": 0.05, **of},
        seed=7,
    )
    for first in range(0, 240, 40):
        forwarder.enqueue("server-events", account, [signal(f"s{n % 4}", n) for n in range(first, first + 40)])
    forwarder.settled()
    requests = forwarder.rokt.requests(account)
    assert {each["status"] for each in requests} - {200}, "no fault fired"
    for session in range(4):
        assert numbers(forwarder.rokt.accepted(account, f"s{session}")) == list(range(session, 240, 4))
        assert most_at_a_time(each for each in requests if each["group"] == f"s{session}") == 1
    assert not forwarder.letters(account)


def test_a_207_makes_dead_letters_with_every_code_and_message(forwarder: Fleet, account: str) -> None:
    """The document's own sample of a partial success: four errors, the fields emptied, the year 1."""
    errors = [
        {"code": "InvalidEventType", "message": "Event type is invalid"},
        {"code": "SessionIdMissing", "message": "SessionId is missing or invalid"},
        {"code": "ParentGuidIsMissing", "message": "ParentGuid is null or empty"},
        {"code": "EventTimeIsMissing", "message": "EventTime is null or default"},
    ]
    rule = {"refuse": True, "errors": errors, "rewrite": True, "match": only_of(account, clientUniqueId="3")}
    forwarder.rokt.faults(rule)
    events = [signal("s", n) for n in range(6)]
    ids = forwarder.enqueue("server-events", account, events)
    forwarder.settled()
    (letter,) = forwarder.letters(account)
    assert (letter["id"], letter["event"], letter["status"]) == (ids[3], events[3], 207)
    assert letter["reasons"] == errors
    assert letter["trace_id"]
    assert delivered(forwarder, account) == {0, 1, 2, 4, 5}
    assert forwarder.sizes(account) == [6]


def test_of_two_equal_events_one_refused_one_is_delivered_and_one_dead(forwarder: Fleet, account: str) -> None:
    """They cannot be told apart, and need not be."""
    for seed in count():
        draws = random.Random(seed)
        if (draws.random() < 0.5) != (draws.random() < 0.5):
            break
    rule = {"refuse": True, "probability": 0.5, "times": 1, "match": only_of(account, clientUniqueId="1")}
    forwarder.rokt.faults(rule, seed=seed)
    twin = signal("s", 1)
    ids = forwarder.enqueue("server-events", account, [twin, signal("s", 0), twin])
    forwarder.settled()
    (letter,) = forwarder.letters(account)
    assert letter["id"] in (ids[0], ids[2])
    assert numbers(forwarder.rokt.accepted(account)) in ([0, 1], [1, 0])
    assert len(forwarder.rokt.accepted(account)) == 2


def test_a_rewritten_echo_that_may_mean_any_event_makes_each_go_alone(forwarder: Fleet, account: str) -> None:
    """Nothing is dead or delivered on a guess: the refused one is found by itself, and only it dies."""
    rule = {"refuse": True, "rewrite": EMPTIED, "match": only_of(account, clientUniqueId="2")}
    forwarder.rokt.faults(rule)
    ids = forwarder.enqueue("server-events", account, [signal("s", n) for n in range(5)])
    forwarder.settled()
    assert forwarder.sizes(account) == [5, 1, 1, 1, 1, 1]
    assert [letter["id"] for letter in forwarder.letters(account)] == [ids[2]]
    assert delivered(forwarder, account) == {0, 1, 3, 4}


def test_a_count_that_does_not_add_up_delivers_nothing_on_a_guess(forwarder: Fleet, account: str) -> None:
    """Each event goes again alone, in its order, and counts once it is answered for by itself."""
    forwarder.rokt.faults({"miscount": -1, "times": 1, "match": only_of(account)})
    forwarder.enqueue("server-events", account, [signal("s", n) for n in range(5)])
    forwarder.settled()
    assert forwarder.sizes(account) == [5, 1, 1, 1, 1, 1]
    assert [int(row["event"]["clientUniqueId"]) for row in forwarder.rokt.accepted(account)] == [*range(5), *range(5)]
    assert not forwarder.letters(account)


def test_one_event_whose_count_never_adds_up_is_never_delivered(forwarder: Fleet, account: str) -> None:
    """It is tried again until Rokt's answer is clear."""
    before = forwarder.status()["server-events"]["delivered"]
    forwarder.rokt.faults({"miscount": -1, "match": only_of(account)})
    forwarder.enqueue("server-events", account, [signal("s", 0)])
    forwarder.rokt.wait(requests=3, account=account)
    assert forwarder.status()["server-events"]["delivered"] == before
    forwarder.rokt.faults()
    assert forwarder.settled()["server-events"]["delivered"] == before + 1


@pytest.mark.parametrize(
    ("status", "code", "message"),
    [
        (422, "TooManyEvents", "The number of events provided exceeds the limit 25"),
        (422, "NoEventsProvided", "Events cannot be null or empty"),
        (400, "InvalidRequestPayload", "Request body format is not valid"),
        (422, "NeverHeardOf", "a code that no document names"),
    ],
)
def test_a_refusal_of_one_event_is_a_dead_letter_with_rokts_words(
    forwarder: Fleet, account: str, status: int, code: str, message: str
) -> None:
    """Codes are no closed set."""
    forwarder.rokt.faults({"status": status, "code": code, "message": message, "match": only_of(account)})
    forwarder.enqueue("server-events", account, [signal("s", 0)])
    forwarder.settled()
    (letter,) = forwarder.letters(account)
    assert (letter["status"], letter["reasons"]) == (status, [{"code": code, "message": message}])
    assert forwarder.statuses(account) == [status]


def test_a_5xx_without_a_body_is_tried_again(forwarder: Fleet, account: str) -> None:
    """ "We will return a request without a body": nothing is dead, nothing comes twice."""
    forwarder.rokt.faults(*({"status": of, "times": 1, "match": only_of(account)} for of in (500, 502, 503)))
    forwarder.enqueue("server-events", account, [signal("s", n) for n in range(3)])
    forwarder.settled()
    assert forwarder.statuses(account) == [500, 502, 503, 200]
    assert len(forwarder.rokt.accepted(account)) == 3
    assert not forwarder.letters(account)


def test_an_event_that_became_three_days_old_is_put_aside_before_sending(forwarder: Fleet, account: str) -> None:
    """It is dead as expired, and its neighbour is delivered without it."""
    forwarder.rokt.faults({"status": 503, "match": only_of(account)})
    old = signal("s", 0, eventTime=at(3 * DAY_MS - 1500))
    ids = forwarder.enqueue("server-events", account, [old, signal("s", 1)])
    forwarder.rokt.wait(requests=1, account=account)
    eventually(lambda: at(3 * DAY_MS) > old["eventTime"], 5)
    forwarder.rokt.faults()
    forwarder.settled()
    (letter,) = forwarder.letters(account)
    assert (letter["id"], [each["code"] for each in letter["reasons"]]) == (ids[0], ["EventExpired"])
    assert numbers(forwarder.rokt.accepted(account)) == [1]
    assert forwarder.sizes(account)[-1] == 1


def test_metadata_in_the_tables_spelling_is_sent_in_the_samples(forwarder: Fleet, account: str) -> None:
    """`Name`/`Value` are taken and become `name`/`value`."""
    pairs = [
        {"Name": "AdditionalData", "Value": "ImpressionSlot"},
        {"name": "a", "value": ""},
        {"Name": "b", "value": "c"},
    ]
    forwarder.enqueue("server-events", account, [signal("s", 0, metadata=pairs)])
    forwarder.settled()
    (row,) = forwarder.rokt.accepted(account)
    assert row["event"]["metadata"] == [
        {"name": "AdditionalData", "value": "ImpressionSlot"},
        {"name": "a", "value": ""},
        {"name": "b", "value": "c"},
    ]


def test_a_session_that_fails_holds_up_no_other(forwarder: Fleet, account: str) -> None:
    """Another session of the same account is delivered meanwhile."""
    forwarder.rokt.faults({"status": 503, "match": only_of(account, sessionId="slow")})
    forwarder.enqueue("server-events", account, [signal("slow", 0), signal("quick", 1)])
    forwarder.rokt.wait(events=1, account=account)
    assert numbers(forwarder.rokt.accepted(account)) == [1]
    forwarder.rokt.faults()
    forwarder.settled()
    assert delivered(forwarder, account) == {0, 1}
