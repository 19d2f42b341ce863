"""What the one pass over an event stores is, byte for byte, what the plain way of writing it down gives."""

from __future__ import annotations

import pickle
import struct
from hashlib import blake2b
from typing import Any
from uuid import RFC_4122, UUID
from zlib import crc32

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from producers.accepted import EventId, Fate
from producers.clock import rfc3339
from producers.destinations import DESTINATIONS
from producers.destinations.ids import new_id
from producers.errors import InvalidEvent
from producers.lines import Line
from producers.preparer import MOST_ENVELOPE, Preparer
from producers.producer import all_batch_settings
from tests.unit.samples import NOW

PREPARER = Preparer(all_batch_settings({}))
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
some = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
names = some | st.sampled_from(["r", "R", "rokt", "rokt.", "ROKT.x", "ro\N{KELVIN SIGN}t.x", " rokt.x", "rökt.x"])
pairs = st.lists(st.fixed_dictionaries({"name": names, "value": texts}), max_size=4)
times = st.integers(NOW - 86_400_000, NOW).map(rfc3339)
client_events = st.fixed_dictionaries(
    {"eventType": some}, optional={"objectData": pairs, "metaData": pairs, "clientEventId": some, "eventTime": times}
)
signals = st.fixed_dictionaries(
    {"eventType": st.just("SignalViewed"), "sessionId": some, "parentGuid": some, "clientUniqueId": some},
    optional={"metadata": pairs, "eventTime": times},
)


def plainly(event: dict[str, Any], order: tuple[str, ...], made: dict[str, str]) -> tuple[bytes, bytes]:
    """The event's text, and the same without its time."""
    whole = {**made, **event}
    for part in {"metaData", "objectData", "metadata"} & whole.keys():
        whole[part] = [{"name": each["name"], "value": each["value"]} for each in whole[part]]
    timeless = [name for name in order if name != "eventTime"]
    return tuple(  # type: ignore[return-value]
        msgspec.json.encode({name: whole[name] for name in chosen if name in whole}) for chosen in (order, timeless)
    )


def print_of(account: str, event_type: str, event_id: str, said: bytes, order: str = "") -> bytes:
    text = f"{len(account)}:{len(event_type)}:{account}{event_type}{event_id}"
    beside = crc32(f"{order}\0".encode()) if order else 0
    return blake2b(text.encode(), digest_size=8).digest() + struct.pack("<I", crc32(said, beside))


@settings(max_examples=200)
@given(event=client_events, account=st.sampled_from(["1", "acme"]), beside=st.none() | some)
def test_a_client_event_is_stored_as_it_would_be_written_plainly(event: Any, account: str, beside: str | None) -> None:
    line = {"destination": "event-api", "account": account, "event": event, "id": beside}
    entries = [*event.get("metaData", []), *event.get("objectData", [])]
    reserved = any(entry["name"].lower().startswith("rokt.") for entry in entries)
    if reserved or beside not in (None, event.get("clientEventId", beside)):
        with pytest.raises(InvalidEvent):
            PREPARER.prepare(Line.of(line), NOW)
        return
    made = PREPARER.prepare(Line.of(line), NOW)
    order = ("clientEventId", "eventType", "eventTime", "metaData", "objectData")
    text, said = plainly(event, order, {"clientEventId": made.id, "eventTime": rfc3339(NOW)})
    assert made.entry.stored == struct.pack("<Bqq", 0, NOW, made.entry.event_time) + text
    assert made.entry.print == print_of(account, event["eventType"], made.id, said)
    assert made.entry.size == len(text) + 1
    assert rfc3339(made.entry.event_time) == event.get("eventTime", rfc3339(NOW))


@settings(max_examples=200)
@given(event=signals, beside=st.none() | some, large=st.booleans())
def test_a_signal_is_stored_as_it_would_be_written_plainly(event: Any, beside: str | None, large: bool) -> None:
    """And a list spelled as the document's table has it is the same event."""
    spelled = [{"Name": each["name"], "Value": each["value"]} for each in event.get("metadata", [])]
    given_event = {**event, "metadata": spelled} if large and "metadata" in event else event
    line = {"destination": "server-events", "account": "1", "event": given_event, "id": beside}
    made = PREPARER.prepare(Line.of(line), NOW)
    order = ("eventType", "eventTime", "sessionId", "parentGuid", "clientUniqueId", "metadata")
    text, said = plainly(event, order, {"eventTime": rfc3339(NOW)})
    own = made.id.encode()
    assert made.entry.stored == struct.pack("<BqqB", 1, NOW, made.entry.event_time, len(own)) + own + text
    assert made.entry.print == print_of("1", event["eventType"], made.id, said, event["sessionId"])
    assert made.id == beside or (beside is None and UUID(made.id).version == 4)


def test_a_made_id_is_a_random_uuid() -> None:
    made = [new_id() for _ in range(2_000)]
    assert len(set(made)) == len(made)
    for each in map(UUID, made):
        assert (each.version, each.variant) == (4, RFC_4122)
    assert all(str(UUID(each)) == each for each in made)
    assert {each[19] for each in made} == set("89ab")


@pytest.mark.parametrize("name", DESTINATIONS)
def test_no_envelope_is_larger_than_what_is_looked_at_before_it_is_measured(name: str) -> None:
    """Control characters take six bytes each; an account has at most 64, a list 256."""
    kind = "exclude hashed" if name == "audience" else ""
    longest = DESTINATIONS[name].envelope_bytes("\0" * 64, "\0" * 256, kind)
    assert longest < MOST_ENVELOPE


@pytest.mark.parametrize("fate", Fate)
def test_an_id_keeps_its_fate_wherever_it_is_carried(fate: Fate) -> None:
    carried = pickle.loads(pickle.dumps(EventId("x", fate)))  # noqa: S301 - our own
    assert (carried, carried.fate) == ("x", fate)
