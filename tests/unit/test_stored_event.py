"""How one event lies in Redis: what is written is read back, and foreign bytes are refused in one way."""

from __future__ import annotations

import contextlib
import struct

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec.structs import replace

from producers.stored_event import StoredEvent, decode, event_time_of, payload_of, payloads_of

milliseconds = st.integers(-(2**63), 2**63 - 1)
short_texts = st.text(max_size=60)
history = st.lists(st.dictionaries(st.text(max_size=8), st.text(max_size=20) | st.integers(0, 2**53)), max_size=3).map(
    tuple
)
events = st.builds(
    StoredEvent,
    enqueued_at=milliseconds,
    event_time=milliseconds,
    payload=st.binary(max_size=200),
    id=short_texts,
    trace=short_texts,
    history=history,
)


@given(events)
def test_an_event_is_read_back_as_it_was_written(event: StoredEvent) -> None:
    """With any of the optional parts, in any combination."""
    written = event.encode()
    assert decode(written) == event
    assert payload_of(written) == event.payload
    if event.payload:
        assert payloads_of([written, written]) == [event.payload] * 2
    assert event_time_of(written) == event.event_time


def test_a_plain_event_takes_17_bytes_beside_its_payload() -> None:
    assert len(StoredEvent(1, 2, b"{}").encode()) == 17 + 2


def test_the_payload_is_the_end_of_the_stored_bytes() -> None:
    """A request is a join of slices: the payload is never escaped or moved."""
    assert StoredEvent(1, 2, b'{"a":"\\u0000"}', id="x", trace="y").encode().endswith(b'{"a":"\\u0000"}')


@pytest.mark.parametrize("text", ["x" * 255, "é" * 127, "😀" * 63])
def test_an_id_or_trace_of_up_to_255_bytes_fits(text: str) -> None:
    event = StoredEvent(1, 2, b"{}", id=text, trace=text)
    assert decode(event.encode()) == event


@pytest.mark.parametrize("text", ["x" * 256, "é" * 128, "😀" * 64])
@pytest.mark.parametrize("field", ["id", "trace"])
def test_a_longer_id_or_trace_is_refused(text: str, field: str) -> None:
    with pytest.raises(ValueError, match="at most 255 fit"):
        replace(StoredEvent(1, 2, b"{}"), **{field: text}).encode()


@given(st.binary(max_size=60))
@example(struct.pack("<Bqq", 1, 0, 0))
@example(struct.pack("<Bqq", 4, 0, 0) + b"\x01\x00\x00")
@example(struct.pack("<BqqI", 4, 0, 0, 2) + b"5 ")
@example(struct.pack("<BqqB", 1, 0, 0, 1) + b"\xff")
def test_foreign_bytes_give_an_event_or_a_value_error(foreign: bytes) -> None:
    """So that whoever reads them has one error to expect."""
    found: object
    try:
        found = decode(foreign)
    except ValueError as error:
        found = str(error)
    assert found


@given(st.binary(max_size=60))
@example(b"")
@example(struct.pack("<Bqq", 1, 0, 0))
@example(struct.pack("<BqqB", 1, 0, 0, 9) + b"short")
def test_the_text_of_foreign_bytes_is_never_nothing(foreign: bytes) -> None:
    """It would spoil the request of the others."""
    with contextlib.suppress(ValueError):
        assert all(payloads_of([foreign]))


FULL = StoredEvent(1, 2, b"", id="id", trace="trace", history=({"at": "now"},)).encode()


@pytest.mark.parametrize("length", range(len(FULL)))
def test_a_header_that_breaks_off_gives_a_value_error(length: int) -> None:
    """Wherever it does."""
    with pytest.raises(ValueError, match=r"."):
        decode(FULL[:length])


def test_a_flag_of_a_newer_version_is_refused_in_words() -> None:
    with pytest.raises(ValueError, match="written by a newer version"):
        decode(struct.pack("<Bqq", 8, 0, 0) + b"{}")
