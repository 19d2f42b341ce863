"""One suite for every destination: what delivery and producers lean on, whichever API it is."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import asdict, replace

from producers.destinations import DESTINATIONS, Destination, Prepared, Whole, destination_named
from producers.destinations.accounts import AccountCredentials
from producers.destinations.answers import Answer, Request
from producers.destinations.outcomes import Delivered, Limited, Outcome, Rejected, Retry, Unauthorized
from producers.errors import InvalidEvent
from tests.apis.cases import CASES, Case
from tests.unit.samples import ACCOUNT, NOW, batch, json_values, payload, stored
from worker.delivery.attempt import Attempt
from worker.delivery.settling import Next, settle

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
SECRET = "s3cret"  # in each of the cases' credentials
each_destination = pytest.mark.parametrize("name", DESTINATIONS)
each_kind = pytest.mark.parametrize(
    ("name", "which"), [(name, which) for name, case in CASES.items() for which in range(len(case.kinds))]
)


def case_of(name: str) -> tuple[Destination, Case]:
    return DESTINATIONS[name], CASES[name]


def prepared(name: str, event: object = None, event_id: str | None = None, account: Any = ACCOUNT) -> Prepared:
    to, case = case_of(name)
    return to.prepare(account, case.event if event is None else event, event_id, NOW)


def prepared_or_faults(name: str, event: object, event_id: Any, account: Any) -> Prepared | list[str]:
    """The event, or the fields at fault. Any other exception fails the test."""
    try:
        return DESTINATIONS[name].prepare(account, event, event_id, NOW)
    except InvalidEvent as refusal:
        return [fault.field for fault in refusal.faults]


def whole(name: str, which: int = 0) -> Whole:
    case = CASES[name]
    return Whole(ACCOUNT, case.order, case.kind, "t0ken" if case.kinds[which].get("app_id") else "")


def asked(name: str, payloads: Sequence[bytes], which: int = 0) -> Request:
    to, case = case_of(name)
    return to.request("https://host.test", whole(name, which), payloads, case.credentials(which))


def meaning(name: str, status: int, body: bytes = b"", events: int = 3) -> Outcome:
    return DESTINATIONS[name].outcome(Answer(status, body), [prepared(name).payload] * events)


def test_every_destination_has_a_case_and_is_known_by_its_name() -> None:
    assert CASES.keys() == DESTINATIONS.keys() == {"event-api", "server-events", "audience"}
    assert all(destination_named(name).name == name for name in DESTINATIONS)


@pytest.mark.parametrize("name", ["", "Event-API", "query", None, 1, ["audience"]])
def test_an_unknown_destination_is_a_fault_of_that_field(name: object) -> None:
    with pytest.raises(InvalidEvent) as refusal:
        destination_named(name)
    assert [fault.field for fault in refusal.value.faults] == ["destination"]


@each_destination
def test_the_real_hosts_are_the_documents_and_https(name: str) -> None:
    to, case = case_of(name)
    assert dict(to.hosts) == case.hosts
    assert {urlsplit(host).scheme for host in to.hosts.values()} == {"https"}
    assert "sandbox" not in to.hosts


@each_destination
def test_the_caps_are_the_documents(name: str) -> None:
    to, case = case_of(name)
    assert (to.max_events, to.max_bytes) == case.caps


@each_kind
def test_the_path_is_the_one_of_the_credentials_that_there_are(name: str, which: int) -> None:
    request = asked(name, [prepared(name).payload], which)
    assert (request.method, request.url) == ("POST", "https://host.test" + CASES[name].paths[which])
    headers = {key.lower(): text for key, text in request.headers.items()}
    assert headers["content-type"] == "application/json"


@each_destination
def test_an_order_key_and_a_kind_are_those_of_the_document(name: str) -> None:
    made = prepared(name)
    assert (made.order, made.kind) == (CASES[name].order, CASES[name].kind)


@each_kind
@pytest.mark.parametrize("events", [1, 2, 3])
def test_a_payload_is_exactly_a_part_of_the_request(name: str, which: int, events: int) -> None:
    """A request is a join of stored bytes: nothing is read and written again on the way."""
    made = prepared(name).payload
    body = asked(name, [made] * events, which).body
    assert body.count(made) == events
    assert b",".join([made] * events) in body
    json.loads(body)


@each_kind
@pytest.mark.parametrize("events", [1, 2, 25])
@pytest.mark.parametrize("account", [ACCOUNT, "ä" * 64, '"\\\u0000' * 21])
def test_a_request_is_never_larger_than_its_parts_say(name: str, which: int, events: int, account: str) -> None:
    to, case = case_of(name)
    of = whole(name, which)._replace(account=account)
    made = prepared(name, account=account).payload
    body = to.request("https://host.test", of, [made] * events, case.credentials(which)).body
    told = to.envelope_bytes(account, of.order, of.kind) + events * (len(made) + 1) - 1
    assert len(body) <= told
    if events > 1 and "accountId" in body.decode():
        assert len(body) == told


@each_kind
def test_as_many_events_as_the_cap_allows_make_one_request_within_its_bytes(name: str, which: int) -> None:
    to = DESTINATIONS[name]
    event = CASES[name].event if name != "audience" else {"sha256": "a" * 64, "action": "include", "list": "l" * 256}
    made = prepared(name, event)
    of = whole(name, which)._replace(order=made.order, kind=made.kind)
    body = to.request("https://h.test", of, [made.payload] * to.max_events, CASES[name].credentials(which)).body
    assert len(body) <= to.max_bytes
    assert body.count(made.payload) == to.max_events


@each_destination
def test_every_fault_is_named_by_its_field_several_at_once(name: str) -> None:
    case = CASES[name]
    with pytest.raises(InvalidEvent) as refusal:
        prepared(name, case.bad, account="")
    fields = {fault.field for fault in refusal.value.faults}
    assert fields == case.fields | {"account"}


@each_destination
def test_each_required_field_that_is_left_out_is_named(name: str) -> None:
    optional = {"clientEventId", "eventTime", "metaData", "objectData", "metadata", "list", "email"}
    for field in CASES[name].event.keys() - optional:
        event = {key: of for key, of in CASES[name].event.items() if key != field}
        with pytest.raises(InvalidEvent) as refusal:
            prepared(name, event)
        assert [fault.field for fault in refusal.value.faults] == [f"event.{field}"]


@each_destination
@pytest.mark.parametrize("wrong", ["", "i" * 201, 5, "\ud800"])
def test_an_id_that_cannot_be_kept_is_a_fault(name: str, wrong: Any) -> None:
    event = {key: of for key, of in CASES[name].event.items() if key != "clientEventId"}
    with pytest.raises(InvalidEvent) as refusal:
        prepared(name, event, wrong)
    assert {fault.field for fault in refusal.value.faults} <= {"id", "event.clientEventId"}


@each_destination
def test_an_id_is_kept_or_made_and_never_derived_from_the_content(name: str) -> None:
    event = {key: of for key, of in CASES[name].event.items() if key != "clientEventId"}
    assert prepared(name, event, "order-7").id == "order-7"
    first, second = prepared(name, event), prepared(name, event)
    assert first.id != second.id
    assert UUID.fullmatch(first.id)
    assert UUID.fullmatch(second.id)


@each_destination
def test_a_time_is_made_once_when_there_is_none(name: str) -> None:
    """At the producer, so that a retry or a replay has the same."""
    event = {key: of for key, of in CASES[name].event.items() if key != "eventTime"}
    made = prepared(name, event)
    assert made.event_time == NOW
    if "eventTime" in CASES[name].event:
        assert json.loads(made.payload)["eventTime"] == "2026-11-22T10:00:00.000Z"


@each_destination
def test_an_event_comes_back_as_it_was_given(name: str) -> None:
    made = prepared(name)
    assert DESTINATIONS[name].event_of(made.payload, Whole(ACCOUNT, made.order, made.kind)) == CASES[name].event


@st.composite
def nearly(draw: st.DrawFn, name: str) -> Any:
    """A good event with some of its fields left out, or replaced by anything."""
    event = {**CASES[name].event}
    for field in draw(st.sets(st.sampled_from(sorted(event)))):
        event[field] = draw(json_values | st.text(max_size=3) | st.just("\udc00"))
        if draw(st.booleans()):
            del event[field]
    return event | draw(st.just({}) | st.dictionaries(st.text(max_size=5), json_values, max_size=2))


@each_destination
@given(data=st.data())
def test_any_json_is_prepared_or_refused_with_its_faults(name: str, data: st.DataObject) -> None:
    """And what is prepared is text that a request can hold, equal to what came in as far as it is sent."""
    event = data.draw(nearly(name) | json_values)
    account = data.draw(st.just(ACCOUNT) | json_values)
    event_id = data.draw(st.none() | st.text(max_size=40))
    made = prepared_or_faults(name, event, event_id, account)
    if not isinstance(made, Prepared):
        assert made
        assert all(re.split(r"[.\[]", field)[0] in ("event", "account", "id") for field in made)
        return
    json.loads(made.payload)
    stored(made.payload)
    of = Whole(account, made.order, made.kind)
    again = DESTINATIONS[name].prepare(account, DESTINATIONS[name].event_of(made.payload, of), made.id, NOW)
    assert replace(again, event_time=0, said=b"") == replace(made, event_time=0, said=b"")


@each_destination
def test_an_event_nested_very_deep_is_refused_in_words(name: str) -> None:
    deep: Any = "x"
    for _ in range(20_000):
        deep = [deep]
    for event in (deep, CASES[name].event | {"metadata": deep}):
        with pytest.raises(InvalidEvent):
            prepared(name, event)


errors = st.lists(st.fixed_dictionaries({"code": st.sampled_from(["X", "InternalServerError", "\0"])}), max_size=2)
echoes = st.sampled_from([case.event for case in CASES.values()]) | json_values
bodies = st.fixed_dictionaries(
    {},
    optional={
        "data": json_values
        | st.fixed_dictionaries({"code": st.text(max_size=5)}, optional={"message": json_values})
        | st.fixed_dictionaries(
            {"unprocessedRecords": st.lists(st.fixed_dictionaries({"record": echoes}), max_size=4)}
        ),
        "processedEventsCount": st.integers(-1, 5) | json_values,
        "unprocessedEvents": st.lists(
            st.fixed_dictionaries({"event": echoes}, optional={"errors": errors}), max_size=4
        ),
        "errors": errors | json_values,
        "success": st.booleans(),
    },
)
answers = st.binary(max_size=60) | (bodies | json_values).map(lambda body: json.dumps(body).encode())
statuses = st.sampled_from([200, 201, 207, 301, 400, 401, 413, 422, 500]) | st.integers(100, 999)


@each_destination
@given(status=statuses, body=answers, events=st.integers(1, 5))
def test_any_answer_is_an_outcome_and_every_event_has_one_end(name: str, status: int, body: bytes, events: int) -> None:
    """Delivered, dead and sent again add up; only a success of the document delivers anything."""
    to = DESTINATIONS[name]
    payloads = [prepared(name).payload] * (events - 1) + [
        payload("z") if name == "event-api" else prepared(name).payload
    ]
    outcome = to.outcome(Answer(status, body), payloads)
    assert isinstance(outcome, Delivered | Rejected | Limited | Unauthorized | Retry)
    kept = [stored(each) for each in payloads]
    for last in (False, True):
        attempt = Attempt(batch(events), kept, to.event_id, NOW, status)
        end = settle(attempt, range(events), outcome, (), Next(1, last))
        again = sum(part.last - part.first + 1 for part in end.again)
        assert end.delivered + len(end.dead) + again == events
        assert not end.delivered or status in (200, 201, 207)


@each_destination
@given(body=st.binary(max_size=40), events=st.integers(1, 4))
def test_bytes_that_are_not_the_apis_deliver_nothing(name: str, body: bytes, events: int) -> None:
    """A proxy's page with a status of success. (`audience` documents no body: its status alone counts.)"""
    for status in (200, 207, 201):
        if (name, status) != ("audience", 201):
            assert isinstance(meaning(name, status, b"<" + body, events), Retry)


@each_destination
def test_the_documents_success_delivers_every_event(name: str) -> None:
    status, body = CASES[name].success(3)
    assert meaning(name, status, body) == Delivered()


@each_destination
@pytest.mark.parametrize(
    "status", [100, 204, 301, 302, 307, 308, 401, 403, 404, 405, 408, 409, 429, 500, 502, 503, 504, 599]
)
def test_a_status_that_says_nothing_of_the_events_is_tried_again(name: str, status: int) -> None:
    """With and without a body that looks like a refusal; or the account waits first, which spends no attempt."""
    meant = {401: Unauthorized, 403: Unauthorized, 429: Limited}.get(status, Retry)
    for body in (b"", b"<html>", CASES[name].refusal[0]):
        assert isinstance(meaning(name, status, body), meant)


@each_destination
def test_a_request_that_is_too_large_is_refused_whole(name: str) -> None:
    outcome = meaning(name, 413)
    assert isinstance(outcome, Rejected)
    assert [reason.code for reason in outcome.reasons] == ["PayloadTooLarge"]


@each_destination
@pytest.mark.parametrize("status", [400, 422])
def test_a_refusal_keeps_rokts_code_and_message(name: str, status: int) -> None:
    body, code, message = CASES[name].refusal
    outcome = meaning(name, status, body)
    assert isinstance(outcome, Rejected)
    expected = code if (name, status) != ("audience", 422) else "UnprocessableEntity"
    assert [tuple(reason) for reason in outcome.reasons] == [(expected, message)]


@pytest.mark.parametrize("name", ["event-api", "server-events"])
@pytest.mark.parametrize(
    "body", [b"", b"<html>Bad Request</html>", b"{}", b"null", b"[]", b'{"data":{}}', b'{"errors":[]}']
)
def test_a_refusal_that_is_not_the_apis_kills_nothing(name: str, body: bytes) -> None:
    """A proxy answers 400, too."""
    for status in (400, 422):
        assert isinstance(meaning(name, status, body), Retry)


@each_destination
def test_credentials_that_are_missing_are_named(name: str) -> None:
    to, case = case_of(name)
    assert to.missing(AccountCredentials()) == case.lacking
    for which, kind in enumerate(case.kinds):
        assert to.missing(case.credentials(which)) == []
        for field in kind:
            rest = AccountCredentials(**{key: text for key, text in kind.items() if key != field})
            told = to.missing(rest)
            assert field in told or told == case.lacking


@each_destination
def test_no_secret_is_told_by_a_fault_or_an_outcome(name: str) -> None:
    to, case = case_of(name)
    for which in range(len(case.kinds)):
        for field, text in asdict(case.credentials(which)).items():
            if text:
                assert SECRET not in str(to.missing(AccountCredentials(**{field: text})))
    with pytest.raises(InvalidEvent) as refusal:
        prepared(name, case.bad, account=None)
    assert SECRET not in str(refusal.value)
    assert all(SECRET not in str(meaning(name, status)) for status in (200, 400, 401, 403, 413, 500))


@each_destination
def test_a_text_that_is_none_in_place_of_another_type_is_a_fault(name: str) -> None:
    """Half of a surrogate pair where a list belongs: refused by field, as everything else."""
    for field in CASES[name].event:
        fields = prepared_or_faults(name, CASES[name].event | {field: "\udc00"}, None, ACCOUNT)
        assert isinstance(fields, list)
        assert f"event.{field}" in fields
