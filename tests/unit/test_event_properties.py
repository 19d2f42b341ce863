"""`event-api`, producer side, for any JSON whatever: a payload that Rokt can take, or faults. Never anything else."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from producers.clock import parse_rfc3339_utc, rfc3339
from producers.destinations.contract import Prepared
from producers.errors import Fault, InvalidEvent
from tests.unit.samples import ACCOUNT, NOW, event, json_values, prepared

texts = st.text(max_size=300) | st.sampled_from(["", "rokt.x", "ROKT.", "conversion", "x" * 36, "x" * 37, "😀" * 128])
times = st.integers(NOW - 600 * 86_400_000, NOW + 600_000).map(rfc3339) | st.sampled_from(["2026-11-22", "now", ""])
entry = st.fixed_dictionaries({"name": texts, "value": texts})
nearly_entry = entry | st.dictionaries(st.sampled_from(["name", "value", "nam"]), texts | json_values)
lists = st.lists(entry, max_size=3) | st.lists(nearly_entry, max_size=3) | json_values
nearly_event = st.fixed_dictionaries(
    {},
    optional={
        "clientEventId": texts | json_values,
        "eventType": texts | json_values,
        "eventTime": times | json_values,
        "metaData": lists,
        "objectData": lists,
        "other": json_values,
    },
)
good_event = st.fixed_dictionaries(
    {"eventType": st.text(min_size=1, max_size=128)},
    optional={
        "clientEventId": st.text(min_size=1, max_size=36),
        "eventTime": st.integers(NOW - 500 * 86_400_000, NOW).map(rfc3339),
        "metaData": st.lists(
            st.fixed_dictionaries({"name": st.text(min_size=1, max_size=9), "value": texts}), max_size=5
        ),
        "objectData": st.lists(st.fixed_dictionaries({"name": st.text(min_size=1, max_size=9), "value": texts})),
    },
)


def within_the_limits(sent: Any) -> bool:
    """The document's table, written a second time and without the product's code."""
    if not isinstance(sent, dict) or not set(sent) <= {
        "clientEventId",
        "eventType",
        "eventTime",
        "metaData",
        "objectData",
    }:
        return False
    entries = [one for part in ("metaData", "objectData") for one in sent.get(part, [])]
    moment = parse_rfc3339_utc(sent["eventTime"])
    oldest = parse_rfc3339_utc("2025-05-22T10:00:00Z")
    return (
        1 <= len(sent["clientEventId"]) <= 36
        and 1 <= len(sent["eventType"]) <= 128
        and oldest <= moment <= NOW + 300_000
        and all(len(sent.get(part, [])) <= 100 for part in ("metaData", "objectData"))
        and all(set(one) == {"name", "value"} for one in entries)
        and all(1 <= len(one["name"]) <= 256 and 0 <= len(one["value"]) <= 65536 for one in entries)
        and not any(one["name"][:5].lower() == "rokt." for one in entries)
    )


@given(json_values | nearly_event | good_event)
def test_any_json_is_a_payload_equal_to_it_or_faults(whole: Any) -> None:
    made: Prepared | None = None
    found: tuple[Fault, ...] = ()
    try:
        made = prepared(whole)
    except InvalidEvent as refusal:
        found = refusal.faults
    if made is None:
        assert found
        assert all(fault.field and fault.message for fault in found)
        return
    sent = json.loads(made.payload)
    assert within_the_limits(sent)
    assert {**sent, **whole} == sent
    assert set(sent) - set(whole) <= {"clientEventId", "eventTime"}
    assert (made.id, made.event_time) == (sent["clientEventId"], parse_rfc3339_utc(sent["eventTime"]))


@given(good_event)
def test_a_good_event_is_never_refused_but_for_a_reserved_name(whole: Any) -> None:
    entries = [one for part in ("metaData", "objectData") for one in whole.get(part, [])]
    if len(whole.get("objectData", [])) <= 100 and not any(one["name"].lower().startswith("rokt.") for one in entries):
        assert prepared(whole)


surrogates = st.text(st.characters(min_codepoint=0xD7F0, max_codepoint=0xE010, exclude_categories=()), max_size=5)


@given(surrogates, surrogates, surrogates)
@example("\ud800", "a", "b")
def test_texts_with_and_without_surrogates_are_sent_or_refused(event_id: str, name: str, value: str) -> None:
    try:
        made = prepared(event(clientEventId=event_id, objectData=[{"name": name, "value": value}]))
    except InvalidEvent:
        return
    assert json.loads(made.payload)["objectData"] == [{"name": name, "value": value}]


@given(json_values, json_values)
@example(["a"], None)
def test_any_account_and_id_is_taken_or_refused_by_name(account: Any, event_id: Any) -> None:
    """Nothing but InvalidEvent leaves, whatever a caller passes."""
    try:
        prepared(event(clientEventId=...), account=account, event_id=event_id)
    except InvalidEvent as refusal:
        named = {fault.field for fault in refusal.faults}
    else:
        named = {"account"}
    assert named
    assert named <= {"account", "id", "event.clientEventId"}


def nested(depth: int) -> list[Any]:
    inner: list[Any] = []
    for _ in range(depth):
        inner = [inner]
    return inner


@pytest.mark.parametrize("field", ["objectData", "eventType", "other"])
def test_an_event_nested_ten_thousand_deep_is_refused_in_words(field: str) -> None:
    """JSON from elsewhere can be this deep; one such event must not end an import with a traceback."""
    with pytest.raises(InvalidEvent):
        prepared(event(**{field: nested(10_000)}), account=ACCOUNT)
