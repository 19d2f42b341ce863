"""Real answers of each API, broken in structure and in bytes: nothing that they name, or leave open, is delivered.

What a success must look like is said once more here, by the documents and with another JSON reader.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from producers.destinations import DESTINATIONS
from producers.destinations.answers import Answer
from producers.destinations.outcomes import Delivered
from producers.stored_event import StoredEvent, decode
from tests.apis.cases import signal
from tests.unit.samples import NOW, batch, event, json_values
from worker.buffer.batches import Settlement
from worker.delivery.attempt import Attempt
from worker.delivery.settling import Next, settle

FIELDS = ("eventType", "sessionId", "parentGuid", "clientUniqueId")
STATUSES = {"event-api": [200], "server-events": [200, 207], "audience": [201]}
REFUSING = [400, 401, 403, 404, 409, 413, 422, 429, 500, 503, 302, 204]
Json = Any
Path = tuple[str | int, ...]


class Case(NamedTuple):
    """`events`: as they were sent. `status` and `body`: what came back."""

    events: list[dict[str, Any]]
    status: int
    body: bytes


def sent_event(name: str, number: int) -> dict[str, Any]:
    if name == "server-events":
        return signal(clientUniqueId=f"u-{number}", eventType=("SignalViewed", "SignalResponse")[number % 2])
    return event(clientEventId=f"id-{number}")


def real_answer(name: str, events: Sequence[Json], refused: Sequence[int]) -> tuple[int, Json]:
    """The document's answer to a request of which these events were not processed."""
    error = {"code": "ValidationError", "message": "no"}
    if name == "server-events":
        unprocessed = [{"event": events[place], "errors": [error]} for place in refused]
        body = {"processedEventsCount": len(events) - len(refused), "unprocessedEvents": unprocessed}
        return (207 if refused else 200), body | {"success": not refused}
    return 200, {"data": {"unprocessedRecords": [{"error": error, "record": events[place]} for place in refused]}}


def paths(value: Json, at: Path = ()) -> list[Path]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [at, *(path for key, inner in items for path in paths(inner, (*at, key)))]


def changed(value: Json, path: Path, change: Any) -> Json:
    """A copy in which `change` was made to the container of the last step."""
    whole = json.loads(json.dumps(value))
    inside = whole
    for step in path[:-1]:
        inside = inside[step]
    change(inside, path[-1])
    return whole


def _nest(inside: Json, key: Any) -> None:
    inside[key] = {"data": inside[key]}


def _double(inside: Json, key: Any) -> None:
    inside.append(inside[key]) if isinstance(inside, list) else inside.update({f"{key}2": inside[key]})


def _rename(inside: Json, key: Any) -> None:
    if isinstance(inside, dict):
        inside[key.swapcase()] = inside.pop(key)


@st.composite
def broken_structures(draw: st.DrawFn, whole: Json, foreign: Json) -> Json:
    """One or two changes: a field gone, doubled, renamed, nested, another's, or of another type."""
    for _ in range(draw(st.integers(0, 2))):
        found = [path for path in paths(whole) if path]
        if not found:
            break
        other = draw(json_values | st.sampled_from([foreign, -1, 10**400, 2**63, 0.5, True, None, "", "Unknown"]))

        def retype(inside: Json, key: Any, other: Json = other) -> None:
            inside[key] = other

        change = draw(st.sampled_from([_nest, _double, _rename, retype, retype, lambda inside, key: inside.pop(key)]))
        whole = changed(whole, draw(st.sampled_from(found)), change)
    return whole


@st.composite
def broken_bytes(draw: st.DrawFn, body: bytes) -> bytes:
    """Cut, with a bit flipped, with bytes that are no text, repeated, or very deep."""
    kind = draw(st.sampled_from(["whole", "whole", "cut", "flip", "flip", "foreign", "twice", "deep"]))
    at = draw(st.integers(0, max(0, len(body) - 1)))
    if kind == "cut":
        return body[:at]
    if kind == "flip":
        return body[:at] + bytes([body[at] ^ (1 << draw(st.integers(0, 7)))]) + body[at + 1 :] if body else b"\0"
    if kind == "foreign":
        return body[:at] + draw(st.sampled_from([b"\xff", b"\xc3", b"\0", b"\xed\xa0\x80", b"9" * 5000])) + body[at:]
    if kind == "twice":
        return body + body
    return b'{"data":' * 3000 + body + b"}" * 3000 if kind == "deep" else body


@st.composite
def cases(draw: st.DrawFn, name: str) -> Case:
    events = [sent_event(name, number) for number in range(draw(st.integers(1, 6)))]
    refused = draw(st.lists(st.sampled_from(range(len(events))), unique=True))
    status, answer = real_answer(name, events, refused)
    if name == "audience":
        status, answer = 201, draw(json_values)
    answer = draw(broken_structures(answer, {"event": sent_event(name, 77), "record": sent_event(name, 78)}))
    body = draw(broken_bytes(json.dumps(answer).encode()))
    return Case(events, draw(st.sampled_from([status] * 4 + REFUSING)), body)


def may_be_delivered(name: str, case: Case) -> set[int]:
    """By the documents: the places that this answer leaves no doubt about."""
    if case.status not in STATUSES[name]:
        return set()
    everything = set(range(len(case.events)))
    if name == "audience":
        return everything
    try:
        body = json.loads(case.body.decode("utf-8", "strict"))
    except (ValueError, RecursionError):
        return set()
    return _by_id(body, case.events) if name == "event-api" else _by_fields(body, case.events)


def _by_id(body: Json, events: Sequence[Json]) -> set[int]:
    data = body.get("data") if isinstance(body, dict) else None
    records = data.get("unprocessedRecords", "none") if isinstance(data, dict) else "none"
    if records is None or records == []:
        return set(range(len(events)))
    if not isinstance(records, list) or not all(isinstance(each, dict) for each in records):
        return set()
    ids = [event["clientEventId"] for event in events]
    echoed = [each.get("record") for each in records]
    named = [each.get("clientEventId") if isinstance(each, dict) else None for each in echoed]
    return {place for place, id_ in enumerate(ids) if id_ not in named} if all(one in ids for one in named) else set()


def _by_fields(body: Json, events: Sequence[Json]) -> set[int]:
    if not isinstance(body, dict) or isinstance(body.get("processedEventsCount"), bool):
        return set()
    count, records = body.get("processedEventsCount"), body.get("unprocessedEvents") or []
    if not isinstance(records, list) or count != len(events) - len(records) or count < 0:
        return set()
    if not records:
        return set() if body.get("success") is False else set(range(len(events)))
    echoes = [each.get("event") if isinstance(each, dict) else None for each in records]
    meant = [[place for place, event in enumerate(events) if _may_mean(echo, event)] for echo in echoes]
    return set(range(len(events))).difference(*meant) if all(meant) else set()


def _may_mean(echo: Json, event: Json) -> bool:
    said = {field: echo.get(field) for field in FIELDS} if isinstance(echo, dict) else {}
    told = {field: value for field, value in said.items() if value not in (None, "", "Unknown")}
    return bool(told) and all(value == event[field] for field, value in told.items())


def check_ends(attempt: Attempt, settlement: Settlement, allowed: set[int]) -> None:
    """Each event has one end, and only such as may be are delivered."""
    ids = [attempt.event_id(decoded) for decoded in map(decode, attempt.stored)]
    died = [ids.index(death.id) for death in settlement.dead]
    again = [place for part in settlement.again for place in range(part.first, part.last + 1)]
    ended = [place - attempt.batch.first for place in again] + died
    assert len(ended) == len(set(ended)), "an event has two ends"
    delivered = set(range(len(ids))) - set(ended)
    assert settlement.delivered == len(delivered)
    assert delivered <= allowed, "delivered, though the answer does not say so"


@pytest.mark.parametrize("name", DESTINATIONS)
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data(), last=st.booleans())
def test_nothing_is_delivered_but_what_an_answer_leaves_no_doubt_about(
    name: str, data: st.DataObject, last: bool
) -> None:
    """Up to the settlement; with events that expired meanwhile, and after the last attempt, too."""
    case = data.draw(cases(name))
    to = DESTINATIONS[name]
    payloads = [json.dumps(one).encode() for one in case.events]
    outcome = to.outcome(Answer(case.status, case.body), payloads)
    expired = data.draw(st.lists(st.integers(0, len(payloads)), unique=True))  # so many are put before these places
    stored: list[bytes] = []
    sent, out = list[int](), list[int]()
    for place, payload in enumerate(payloads):
        if place in expired:
            out.append(len(stored))
            stored.append(StoredEvent(NOW, NOW, payload, id=f"old-{place}").encode())
        sent.append(len(stored))
        stored.append(StoredEvent(NOW, NOW, payload, id=f"new-{place}").encode())
    attempt = Attempt(batch(len(stored), first=7), stored, to.event_id, NOW, case.status, requested=True)
    allowed = {sent[place] for place in may_be_delivered(name, case)}
    check_ends(attempt, settle(attempt, sent, outcome, out, Next(1000, last)), allowed)


@pytest.mark.parametrize("name", DESTINATIONS)
@given(data=st.data(), events=st.integers(1, 6))
def test_an_answer_that_was_not_broken_means_what_the_document_says(
    name: str, data: st.DataObject, events: int
) -> None:
    """So that the test above is not passed by delivering nothing."""
    sent = [sent_event(name, number) for number in range(events)]
    refused = data.draw(st.lists(st.sampled_from(range(events)), unique=True)) if name != "audience" else []
    status, answer = real_answer(name, sent, refused) if name != "audience" else (201, "Created")
    case = Case(sent, status, json.dumps(answer).encode())
    outcome = DESTINATIONS[name].outcome(Answer(status, case.body), [json.dumps(one).encode() for one in sent])
    assert isinstance(outcome, Delivered)
    assert (set(outcome.refused), outcome.later, outcome.unclear) == (set(refused), frozenset(), frozenset())
    assert may_be_delivered(name, case) == set(range(events)) - set(refused)
