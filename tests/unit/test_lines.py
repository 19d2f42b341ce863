"""One line of `forwarder enqueue`."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from producers.errors import InvalidEvent
from producers.lines import Line, parse_line
from tests.unit.samples import event, json_values

GOOD = {"destination": "event-api", "account": "12345", "event": event()}


def fields_at_fault(text: bytes) -> list[str]:
    with pytest.raises(InvalidEvent) as refusal:
        parse_line(text)
    return [fault.field for fault in refusal.value.faults]


def test_a_line_is_read_as_it_was_written() -> None:
    assert parse_line(json.dumps({**GOOD, "id": "a"}).encode()) == Line("event-api", "12345", event(), "a")


def test_the_id_may_be_left_out_or_null() -> None:
    assert parse_line(json.dumps(GOOD).encode()).id is None
    assert parse_line(json.dumps({**GOOD, "id": None}).encode()).id is None


@pytest.mark.parametrize("missing", ["destination", "account", "event"])
def test_a_missing_part_is_named(missing: str) -> None:
    without = {name: value for name, value in GOOD.items() if name != missing}
    assert fields_at_fault(json.dumps(without).encode()) == [missing]


@pytest.mark.parametrize("field", ["destination", "account", "id"])
@pytest.mark.parametrize("wrong", [5, True, [], {}])
def test_a_part_of_another_type_is_named(field: str, wrong: Any) -> None:
    assert fields_at_fault(json.dumps({**GOOD, field: wrong}).encode()) == [field]


def test_a_misspelt_part_is_named_with_the_one_that_was_meant() -> None:
    with pytest.raises(InvalidEvent, match="accountt: is not a known field; did you mean account"):
        parse_line(json.dumps({**GOOD, "accountt": "1"}).encode())


@pytest.mark.parametrize(
    "text", [b"", b" ", b"{", b"\xff\xfe", b"NaN", b'{"a":1}{', b'"\\ud800"', b"1" * 6000, b"[" * 100_000]
)
def test_what_is_not_json_is_a_fault_of_the_line(text: bytes) -> None:
    assert fields_at_fault(text) == ["line"]


@pytest.mark.parametrize("text", [b"5", b"null", b"[]", b'"text"', b"true"])
def test_json_that_is_no_object_is_a_fault_with_a_name(text: bytes) -> None:
    """A person reads `line: expected an object`, not a message that begins with a colon."""
    assert fields_at_fault(text) == ["line"]


@given(
    st.binary(max_size=200) | st.text(max_size=200).map(str.encode) | json_values.map(lambda v: json.dumps(v).encode())
)
@example(b'{"destination":"event-api","account":"a","event":' + b"[" * 985 + b"]" * 985 + b"}")
def test_rubbish_is_a_line_or_an_invalid_event(text: bytes) -> None:
    """Never another exception: one bad line must not end an import."""
    found: object
    try:
        found = parse_line(text)
    except InvalidEvent as refusal:
        found = refusal.faults
    assert found


def test_a_line_object_passes_as_it_is() -> None:
    line = Line("event-api", "1", {})
    assert Line.of(line) is line
