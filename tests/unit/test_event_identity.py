"""`event-api`, producer side: id and time made once, the window to the millisecond, texts unchanged."""

from __future__ import annotations

import json
import re
import uuid
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from producers.clock import parse_rfc3339_utc, rfc3339
from tests.unit.samples import NOW, event, faults, prepared

MINUTE = 60_000
OLDEST = parse_rfc3339_utc("2025-05-22T10:00:00.000Z")  # 18 months before NOW


def arrived(whole: dict[str, Any]) -> Any:
    """The event as Rokt would read it."""
    return json.loads(prepared(whole).payload)


def test_an_id_that_is_given_is_kept() -> None:
    made = prepared(event(clientEventId="order-7"))
    assert made.id == "order-7"
    assert json.loads(made.payload)["clientEventId"] == "order-7"


def test_an_id_beside_the_event_becomes_its_client_event_id() -> None:
    made = prepared(event(clientEventId=...), event_id="order-7")
    assert made.id == "order-7"
    assert json.loads(made.payload)["clientEventId"] == "order-7"


def test_an_id_is_made_if_there_is_none_and_stands_in_the_payload() -> None:
    """A retry or a replay must carry the same id, so it is made here and nowhere later."""
    first, second = prepared(event(clientEventId=...)), prepared(event(clientEventId=...))
    assert uuid.UUID(first.id).version == 4
    assert json.loads(first.payload)["clientEventId"] == first.id
    assert first.id != second.id


def test_two_different_ids_for_one_event_are_a_fault() -> None:
    (fault,) = faults(event(clientEventId="a"), event_id="b")
    assert fault.field == "id"


def test_the_same_id_twice_is_no_fault() -> None:
    assert prepared(event(clientEventId="a"), event_id="a").id == "a"


def test_a_time_is_made_if_there_is_none_and_stands_in_the_payload() -> None:
    made = prepared(event(eventTime=...))
    assert made.event_time == NOW
    assert json.loads(made.payload)["eventTime"] == "2026-11-22T10:00:00.000Z"


def test_a_time_that_is_given_is_kept_as_it_was_written() -> None:
    made = prepared(event(eventTime="2026-11-22T09:59:59.123456789+00:00"))
    assert made.event_time == NOW - 877
    assert json.loads(made.payload)["eventTime"] == "2026-11-22T09:59:59.123456789+00:00"


def test_the_callers_event_is_not_changed() -> None:
    given = event(clientEventId=..., eventTime=...)
    before = json.dumps(given)
    prepared(given)
    assert json.dumps(given) == before


def test_any_mapping_is_an_event() -> None:
    """The signature says Mapping: a read-only one without id and time gets both, like a dict."""
    assert prepared(MappingProxyType(event(clientEventId=..., eventTime=...))).event_time == NOW


@pytest.mark.parametrize("at", [OLDEST, OLDEST + 1, NOW, NOW + 5 * MINUTE])
def test_a_time_at_the_edge_of_the_window_is_taken(at: int) -> None:
    assert prepared(event(eventTime=rfc3339(at))).event_time == at


def test_a_millisecond_past_18_months_is_one_fault() -> None:
    (fault,) = faults(event(eventTime=rfc3339(OLDEST - 1)))
    assert fault == ("event.eventTime", "is older than 18 months")


def test_a_millisecond_past_5_minutes_ahead_is_one_fault() -> None:
    (fault,) = faults(event(eventTime=rfc3339(NOW + 5 * MINUTE + 1)))
    assert fault == ("event.eventTime", "is more than 5 minutes in the future")


@pytest.mark.parametrize("text", ["2020-05-22", "2026-11-22T10:00:00", "2026-11-22T10:00:00+01:00", "1795341600", ""])
def test_a_time_that_is_not_rfc3339_in_utc_is_one_fault(text: str) -> None:
    (fault,) = faults(event(eventTime=text))
    assert fault.field == "event.eventTime"
    assert "RFC 3339 in UTC" in fault.message


def documented_events() -> list[dict[str, Any]]:
    """The two events of the document's "Sample", word for word but for their times."""
    text = (Path(__file__).parent / "event_api_sample.json").read_text("utf-8")
    events: list[dict[str, Any]] = json.loads(re.sub(r"2020-05-22T", "2026-05-22T", text))["events"]
    return events


@pytest.mark.parametrize("sample", documented_events())
def test_the_documents_samples_arrive_equal(sample: dict[str, Any]) -> None:
    assert arrived(sample) == sample


TEXTS = [
    "\0",
    "a\0b",
    "😀👩‍👩‍👧",
    "שלום עולם",
    "\u202eabc",
    "\u2028\u2029",
    '"\\/\b\f\n\r\t',
    "\x7f\x01",
    "e\u0301",
    "\ufeff",
]


@pytest.mark.parametrize("text", TEXTS)
def test_any_text_arrives_unchanged(text: str) -> None:
    whole = event(clientEventId=text, eventType=text, objectData=[{"name": text, "value": text * 1000}])
    assert arrived(whole) == whole


def test_the_largest_event_arrives_unchanged() -> None:
    """200 entries at all their limits, 13 million characters: the size of a request is checked by the producer."""
    full = [{"name": f"{index:0256}", "value": "v" * 65536} for index in range(100)]
    whole = event(metaData=full, objectData=full)
    assert arrived(whole) == whole


@pytest.mark.parametrize("half", ["\ud800", "a\udfffb", "\udc00\ud800"])
@pytest.mark.parametrize(
    ("field", "make"),
    [
        ("event.clientEventId", lambda text: event(clientEventId=text)),
        ("event.eventType", lambda text: event(eventType=text)),
        ("event.objectData[0].name", lambda text: event(objectData=[{"name": text, "value": ""}])),
        ("event.objectData[0].value", lambda text: event(objectData=[{"name": "a", "value": text}])),
    ],
)
def test_half_of_a_surrogate_pair_is_one_fault_of_its_field(half: str, field: str, make: Any) -> None:
    """It is no text, and could not be written into a request."""
    (fault,) = faults(make(half))
    assert fault.field == field
    assert "surrogate" in fault.message


def test_half_of_a_surrogate_pair_in_the_account_is_a_fault() -> None:
    (fault,) = faults(event(), account="\ud800")
    assert fault.field == "account"
