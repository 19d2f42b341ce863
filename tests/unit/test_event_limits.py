"""`event-api`, producer side: every limit of the document at its boundary. Source: event-api.txt, Parameters."""

from __future__ import annotations

from typing import Any

import pytest

from producers.errors import Fault
from tests.unit.samples import event, faults, prepared

PARTS = ("metaData", "objectData")


def entries(count: int) -> list[dict[str, str]]:
    return [{"name": f"n{index}", "value": ""} for index in range(count)]


def with_entry(part: str, **fields: Any) -> dict[str, Any]:
    """An event whose second entry of `part` is another."""
    entry = {name: value for name, value in {"name": "sku", "value": "1", **fields}.items() if value is not ...}
    return event(**{part: [{"name": "first", "value": "1"}, entry]})


AT_THE_LIMIT = [
    (event(clientEventId="i" * 36), event(clientEventId="i" * 37), "event.clientEventId"),
    (event(clientEventId="i"), event(clientEventId=""), "event.clientEventId"),
    (event(eventType="t" * 128), event(eventType="t" * 129), "event.eventType"),
    (event(eventType="t"), event(eventType=""), "event.eventType"),
    *[
        case
        for part in PARTS
        for case in (
            (event(**{part: entries(100)}), event(**{part: entries(101)}), f"event.{part}"),
            (with_entry(part, name="n" * 256), with_entry(part, name="n" * 257), f"event.{part}[1].name"),
            (with_entry(part, name="n"), with_entry(part, name=""), f"event.{part}[1].name"),
            (with_entry(part, value="v" * 65536), with_entry(part, value="v" * 65537), f"event.{part}[1].value"),
        )
    ],
]


@pytest.mark.parametrize(("good", "bad", "field"), AT_THE_LIMIT)
def test_a_value_at_its_limit_is_taken_and_one_past_it_is_one_fault(good: Any, bad: Any, field: str) -> None:
    """One fault, of that field, and a message that says the limit."""
    prepared(good)
    (fault,) = faults(bad)
    assert fault.field == field
    assert "length" in fault.message


@pytest.mark.parametrize("character", ["é", "日", "😀", "\0", "\u202e"])
def test_limits_count_characters_not_bytes(character: str) -> None:
    """The document says "characters": 36 emoji are an id of 36 characters, though of 144 bytes."""
    prepared(event(clientEventId=character * 36))
    (fault,) = faults(event(clientEventId=character * 37))
    assert fault.field == "event.clientEventId"


def test_an_account_has_1_to_64_characters() -> None:
    prepared(event(), account="a" * 64)
    for wrong in ("", "a" * 65):
        (fault,) = faults(event(), account=wrong)
        assert fault.field == "account"


@pytest.mark.parametrize("wrong", [None, 5, 1.5, True, b"12345", ["12345"], {"id": "12345"}])
def test_an_account_that_is_no_text_is_a_fault(wrong: object) -> None:
    """Whatever a caller passes, the answer is InvalidEvent that names the account."""
    (fault,) = faults(event(), account=wrong)
    assert fault.field == "account"


@pytest.mark.parametrize("field", ["clientEventId", "eventType", "eventTime"])
@pytest.mark.parametrize("wrong", [None, 5, 1.5, True, [], {}, ["x"]])
def test_a_text_field_of_another_type_is_one_fault(field: str, wrong: object) -> None:
    (fault,) = faults(event(**{field: wrong}))
    assert fault.field == f"event.{field}"
    assert "expected str" in fault.message


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("wrong", [None, 5, True, "x", {}, {"name": "a", "value": "b"}])
def test_a_list_field_of_another_type_is_one_fault(part: str, wrong: object) -> None:
    """An object in place of the list of name and value pairs is the usual mistake."""
    (fault,) = faults(event(**{part: wrong}))
    assert fault.field == f"event.{part}"


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("wrong", [None, 5, True, "x", []])
def test_an_entry_of_another_type_is_one_fault(part: str, wrong: object) -> None:
    (fault,) = faults(event(**{part: [wrong]}))
    assert fault.field == f"event.{part}[0]"


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("field", ["name", "value"])
@pytest.mark.parametrize("wrong", [None, 5, 85.0, True, [], {}, ...])
def test_an_entry_needs_a_name_and_a_value_that_are_texts(part: str, field: str, wrong: object) -> None:
    """A number as a value is the usual mistake: it is refused here, not by Rokt."""
    (fault,) = faults(with_entry(part, **{field: wrong}))
    assert fault.field == f"event.{part}[1].{field}"
    assert ("is required" if wrong is ... else "expected str") in fault.message


@pytest.mark.parametrize("wrong", [None, 5, "x", [], [event()]])
def test_an_event_that_is_no_object_is_one_fault(wrong: object) -> None:
    (fault,) = faults(wrong)
    assert fault.field == "event"


def test_the_event_type_is_required() -> None:
    assert faults(event(eventType=...)) == [Fault("event.eventType", "is required")]


@pytest.mark.parametrize("part", PARTS)
def test_the_lists_may_be_left_out_or_empty(part: str) -> None:
    assert part.encode() not in prepared(event(**{part: ...})).payload
    assert b'"%s":[]' % part.encode() in prepared(event(**{part: []})).payload


def test_an_unknown_field_is_named_with_the_one_that_was_meant() -> None:
    """A misspelt optional field must not be dropped in silence."""
    (fault,) = faults(event(objectdata=[]))
    assert fault.field == "event.objectdata"
    assert "did you mean objectData?" in fault.message


def test_an_unknown_field_of_an_entry_is_a_fault() -> None:
    (fault,) = faults(with_entry("objectData", values="1"))
    assert fault.field == "event.objectData[1].values"


def test_every_fault_of_an_event_is_reported_at_once_by_field() -> None:
    """Somebody who wires up a checkout fixes all of it in one round."""
    found = faults(
        {
            "clientEventId": "i" * 37,
            "eventTime": "yesterday",
            "metaData": [{"name": "rokt.x", "value": "1"}, "text"],
            "objectData": [{"name": "", "value": 5}, {"value": "\ud800"}],
            "extra": 1,
        },
        account="",
    )
    assert {fault.field for fault in found} == {
        "account",
        "event.extra",
        "event.clientEventId",
        "event.eventType",
        "event.eventTime",
        "event.metaData[0].name",
        "event.metaData[1]",
        "event.objectData[0].name",
        "event.objectData[0].value",
        "event.objectData[1].name",
        "event.objectData[1].value",
    }
    assert len(found) == 11


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("name", ["rokt.", "rokt.id", "ROKT.id", "Rokt.ID", "rOkT.x"])
def test_the_prefix_rokt_is_reserved_in_any_case(part: str, name: str) -> None:
    (fault,) = faults(with_entry(part, name=name))
    assert fault.field == f"event.{part}[1].name"
    assert "reserved" in fault.message


@pytest.mark.parametrize("part", PARTS)
def test_a_reserved_name_in_a_tuple_is_found_too(part: str) -> None:
    """Python code may write a tuple for a list; the check must not depend on it."""
    (fault,) = faults(event(**{part: ({"name": "a", "value": "1"}, {"name": "rokt.id", "value": "1"})}))
    assert fault.field == f"event.{part}[1].name"


@pytest.mark.parametrize(
    "name", ["my.rokt.id", "roktid", "rokt", "rokt_id", " rokt.id", "loyalty tier", "日本", "x" * 256]
)
def test_a_shops_own_names_pass(name: str) -> None:
    """The document lets a shop agree on further names; only the prefix is Rokt's."""
    made = prepared(with_entry("objectData", name=name, value="rokt.value"))
    assert name in made.payload.decode()
