"""`POST /v1/partner/events`: headers, credentials, limits, codes and bodies as Rokt's document has them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from .conftest import Client
from .samples import utc_text
from .server_events import DEFAULT_TIME, KEYS, codes, echoes, post, refusal, send, signal


def test_the_documents_own_sample_is_accepted_but_for_its_age(sandbox: Client) -> None:
    now, session = utc_text(datetime.now(UTC)), "aec20024-8d23-46be-95f3-9be5d86292a9"
    sample = [
        {
            "eventType": event_type,
            "eventTime": "2022-06-28T07:11:01.711Z",
            "parentGuid": parent,
            "sessionId": session,
            "clientUniqueId": "10f7d87b-e879-47b2-9638-a667e63beae2",
            "metadata": [{"name": name, "value": value}],
        }
        for event_type, parent, name, value in (
            ("SignalImpression", "58bcbaa0-e13c-4a3d-84cd-2803ccc35394", "AdditionalData", "ImpressionSlot"),
            ("SignalViewed", "b3a1d523-5490-49f0-a379-7a67628a4cdd", "AdditionalData", "ImpressionCreative"),
            ("SignalResponse", "6bea8e29-b3cd-4717-bd82-59ccbca0d863", "experienceId", "RedButton"),
        )
    ]
    answer = send(sandbox, *[{**event, "eventTime": now} for event in sample])
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json")
    assert answer.json() == {"processedEventsCount": 3, "unprocessedEvents": [], "success": True}
    assert codes(send(sandbox, *sample)) == [["EventTimeOutOfRange"]] * 3


def test_the_answer_to_a_bad_event_is_the_documents_sample(sandbox: Client) -> None:
    bad = {
        "eventType": "Nothing",
        "sessionId": None,
        "eventTime": "soon",
        "clientUniqueId": "265d3a90-4c84-4c17-99af-e09b862b925c",
    }
    answer = send(sandbox, *[signal(f"c-{number}") for number in range(5)], bad)
    assert answer.status_code == 207
    assert answer.json() == {
        "processedEventsCount": 5,
        "unprocessedEvents": [
            {
                "errors": [
                    {"code": "InvalidEventType", "message": "Event type is invalid"},
                    {"code": "SessionIdMissing", "message": "SessionId is missing or invalid"},
                    {"code": "ParentGuidIsMissing", "message": "ParentGuid is null or empty"},
                    {"code": "EventTimeIsMissing", "message": "EventTime is null or default"},
                ],
                "event": {
                    "eventType": "Unknown",
                    "sessionId": "",
                    "eventTime": DEFAULT_TIME,
                    "parentGuid": "",
                    "clientUniqueId": "265d3a90-4c84-4c17-99af-e09b862b925c",
                },
            }
        ],
        "success": False,
    }


@pytest.mark.parametrize("header", ["rokt-pub-id", "rokt-secret", "rokt-tag-id"])
@pytest.mark.parametrize("value", [None, ""])
def test_without_a_credential_it_is_401(sandbox: Client, header: str, value: str | None) -> None:
    assert refusal(send(sandbox, signal(), **{header: value})) == (401, "Unauthorized")
    assert sandbox.ask("summary")["events"]["accepted"] == 0


def test_with_a_table_all_three_must_belong_together(sandbox: Client) -> None:
    other = {"tag_id": "2", "client_id": "client-2", "client_secret": "secret-2"}
    sandbox.credentials({"one": KEYS, "two": other})
    assert send(sandbox, signal()).status_code == 200
    for header, value in (("rokt-tag-id", "2"), ("rokt-pub-id", "client-2"), ("rokt-secret", "secret-2")):
        assert refusal(send(sandbox, signal(), **{header: value})) == (401, "Unauthorized")


def test_a_table_without_tags_knows_no_tag(sandbox: Client) -> None:
    sandbox.credentials({"one": {"public_key": "rpub-1", "secret_key": "rsec-1"}})
    assert refusal(send(sandbox, signal())) == (401, "Unauthorized")


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("content-type", None),
        ("content-type", "text/plain"),
        ("content-type", "application/json; charset=latin-1"),
        ("accept", None),
        ("accept", "*/*"),
        ("accept", "text/html"),
        ("content-encoding", "gzip"),
    ],
)
def test_a_wrong_header_is_400_and_named(sandbox: Client, header: str, value: str | None) -> None:
    answer = send(sandbox, signal(), **{header: value})
    assert refusal(answer) == (400, "InvalidHeader")
    assert answer.json()["errors"][0]["message"].startswith(f"{header}:")


@pytest.mark.parametrize(
    "accept", ["application/json", "text/plain, application/json", "Application/JSON;charset=utf-8"]
)
def test_accept_must_name_json(sandbox: Client, accept: str) -> None:
    assert send(sandbox, signal(), accept=accept).status_code == 200


@pytest.mark.parametrize(
    "body", [b"", b"{", b"null", b"[]", b'"x"', b"\xff", b"[" * 5000, b'{"events": {}}', b'{"events":1}']
)
def test_a_body_that_cannot_be_used_is_the_documents_400(sandbox: Client, body: bytes) -> None:
    answer = post(sandbox, body)
    assert answer.status_code == 400
    assert answer.json() == {
        "title": "BadRequest",
        "status": 400,
        "success": False,
        "errors": [{"code": "InvalidRequestPayload", "message": "Request body format is not valid"}],
    }


@pytest.mark.parametrize("body", [{}, {"events": None}, {"events": []}])
def test_no_events_are_the_documents_422(sandbox: Client, body: Any) -> None:
    answer = post(sandbox, body)
    assert answer.status_code == 422
    assert answer.json() == {
        "title": "Validation failed",
        "status": 422,
        "success": False,
        "errors": [{"code": "NoEventsProvided", "message": "Events cannot be null or empty"}],
    }


def test_25_events_are_accepted_and_26_are_the_documents_422(sandbox: Client) -> None:
    assert send(sandbox, *[signal()] * 25).json()["processedEventsCount"] == 25
    answer = send(sandbox, *[signal()] * 26)
    assert answer.status_code == 422
    assert answer.json() == {
        "title": "Validation failed",
        "status": 422,
        "success": False,
        "errors": [{"code": "TooManyEvents", "message": "The number of events provided exceeds the limit 25"}],
    }
    assert sandbox.ask("summary")["events"]["accepted"] == 25


def test_too_many_events_are_told_before_anything_else_about_them(sandbox: Client) -> None:
    assert refusal(send(sandbox, *[1] * 26)) == (422, "TooManyEvents")


def test_events_of_several_sessions_are_refused_together(sandbox: Client) -> None:
    answer = send(sandbox, signal("a"), signal("b", sessionId="s-2"))
    assert refusal(answer) == (422, "SessionIdsDiffer")
    assert sandbox.ask("summary")["events"]["accepted"] == 0


def test_an_event_without_a_session_spoils_no_other(sandbox: Client) -> None:
    assert codes(send(sandbox, signal("a"), signal("b", sessionId=""))) == [["SessionIdMissing"]]


@pytest.mark.parametrize("field", ["eventType", "eventTime", "sessionId", "parentGuid", "clientUniqueId"])
@pytest.mark.parametrize("value", [1, 1.5, True, [], {}, ["x"]])
def test_another_json_type_makes_the_request_unreadable(sandbox: Client, field: str, value: Any) -> None:
    answer = send(sandbox, signal("good"), signal(**{field: value}))
    assert refusal(answer) == (400, "InvalidRequestPayload")
    assert f"events[1].{field}:" in answer.json()["errors"][0]["message"]


@pytest.mark.parametrize("event", [None, 1, "x", [], True])
def test_an_event_must_be_an_object(sandbox: Client, event: Any) -> None:
    assert refusal(send(sandbox, signal(), event)) == (400, "InvalidRequestPayload")


MISSING = {
    "eventType": ("InvalidEventType", "Unknown"),
    "sessionId": ("SessionIdMissing", ""),
    "parentGuid": ("ParentGuidIsMissing", ""),
    "eventTime": ("EventTimeIsMissing", DEFAULT_TIME),
    "clientUniqueId": ("ClientUniqueIdIsMissing", ""),
}


@pytest.mark.parametrize("field", MISSING)
@pytest.mark.parametrize("value", [..., None, ""])
def test_a_missing_field_is_told_and_echoed_with_its_default(sandbox: Client, field: str, value: Any) -> None:
    code, default = MISSING[field]
    answer = send(sandbox, signal("good"), signal("bad", **{field: value}))
    assert codes(answer) == [[code]]
    assert answer.json()["processedEventsCount"] == 1
    assert echoes(answer)[0][field] == default


@pytest.mark.parametrize("event_type", ["SignalViewed", "SignalResponse", "SignalImpression"])
def test_the_three_event_types_are_known(sandbox: Client, event_type: str) -> None:
    assert send(sandbox, signal(eventType=event_type)).status_code == 200


@pytest.mark.parametrize("event_type", ["signalviewed", "SignalViewed ", "conversion"])
def test_another_event_type_is_invalid(sandbox: Client, event_type: str) -> None:
    assert codes(send(sandbox, signal(eventType=event_type))) == [["InvalidEventType"]]


@pytest.mark.parametrize("text", ["x", "2026-01-01", "2026-01-01T00:00:00", "2026-01-01T00:00:00+01:00", DEFAULT_TIME])
def test_a_time_that_is_none_or_the_default_is_missing(sandbox: Client, text: str) -> None:
    answer = send(sandbox, signal(eventTime=text))
    assert codes(answer) == [["EventTimeIsMissing"]]
    assert echoes(answer)[0]["eventTime"] == DEFAULT_TIME


def test_the_echo_is_written_as_the_documents_sample_writes_it(sandbox: Client) -> None:
    """Five fields in its order, the offset in digits, what is not of the document left out; metadata as it was sent."""
    bad = signal("bad", parentGuid="", extra=1, eventTime=utc_text(datetime.now(UTC)))
    (echo,) = echoes(send(sandbox, bad))
    assert list(echo) == ["eventType", "sessionId", "eventTime", "parentGuid", "clientUniqueId", "metadata"]
    assert echo["eventTime"] == bad["eventTime"].replace("Z", "+00:00")
    assert echo["metadata"] == bad["metadata"]


def test_when_every_event_is_invalid_it_is_still_207(sandbox: Client) -> None:
    answer = send(sandbox, signal("a", parentGuid=""), signal("b", eventType=""))
    assert codes(answer) == [["ParentGuidIsMissing"], ["InvalidEventType"]]
    assert answer.json()["processedEventsCount"] == 0
    assert sandbox.ask("summary")["events"]["accepted"] == 0


@pytest.mark.parametrize(
    "metadata",
    [
        ...,
        None,
        [],
        [{"name": "n", "value": ""}],
        [{"Name": "n", "Value": "v"}],
        [{"name": "n", "Value": "v"}],
        [{"name": "a", "value": "b"}, {"Name": "c", "Value": "d"}],
    ],
)
def test_metadata_is_optional_and_may_be_spelled_as_table_or_sample(sandbox: Client, metadata: Any) -> None:
    assert send(sandbox, signal(metadata=metadata)).status_code == 200


@pytest.mark.parametrize(
    "entry", [{}, {"name": "n"}, {"value": "v"}, {"name": "", "value": "v"}, {"NAME": "n", "VALUE": "v"}]
)
def test_an_entry_of_metadata_needs_a_name_and_a_value(sandbox: Client, entry: Any) -> None:
    assert codes(send(sandbox, signal(metadata=[entry]))) == [["MetadataIsInvalid"]]


@pytest.mark.parametrize(
    "metadata", [1, "x", {}, [1], ["x"], [None], [{"name": 1, "value": "v"}], [{"Name": "n", "Value": []}]]
)
def test_metadata_of_another_type_makes_the_request_unreadable(sandbox: Client, metadata: Any) -> None:
    assert refusal(send(sandbox, signal(metadata=metadata))) == (400, "InvalidRequestPayload")
