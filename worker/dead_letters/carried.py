"""A dead letter as a line of a file: all that it takes to bring it back as it was, and its event to be read."""

from __future__ import annotations

from base64 import b64decode, b64encode
from binascii import Error as NoBase64
from collections.abc import Iterator
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from producers.clock import DAY_MS, now_ms, parse_rfc3339_utc, rfc3339
from producers.destinations import DESTINATIONS, Whole
from producers.errors import Fault, InvalidEvent
from producers.keys import Slot, shard_of
from producers.settings import BufferSettings
from producers.stored_event import StoredEvent
from producers.validation import validated
from worker.dead_letters.letter import Letter
from worker.intake.letters import NAME as INTAKE

LATEST_MS = 253_402_300_799_999
Milliseconds = Annotated[int, Meta(ge=0, le=LATEST_MS)]
Short = Annotated[str, Meta(max_length=255)]


class Stored(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The event as it lies in Redis, its history left out. `payload`: its exact text, or base64 of what is no text."""

    enqueued_at: Milliseconds
    event_time: Milliseconds
    payload: str
    id: Short = ""
    trace: Short = ""
    base64: bool = False


class Reason(msgspec.Struct, frozen=True):
    code: str
    message: str


class Edited(msgspec.Struct, frozen=True):
    original: Any


class Entry(msgspec.Struct, frozen=True):
    """Of a history, as far as it is relied on; the rest comes back as it is."""

    at: str = ""
    batch: str = ""
    attempts: int = 0
    status: int | None = 0
    trace_id: str | None = ""
    reasons: list[Reason] | UnsetType = UNSET
    edited: Edited | UnsetType = UNSET


class Carried(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One line. `event` is for people: what comes back is `stored`."""

    destination: str
    account: str
    id: Annotated[str, Meta(min_length=1, max_length=1_000)]
    code: Annotated[str, Meta(max_length=128)]
    died_at: str
    history: list[dict[str, Any]]
    stored: Stored
    order: str = ""
    kind: str = ""
    event: Any = None
    version: Literal[1] = 1


def line_of(letter: Letter) -> bytes:
    """A letter as JSON, without the end of the line."""
    event, of = letter.event, letter.of
    times = {"enqueued_at": event.enqueued_at, "event_time": event.event_time}
    names = {name: value for name, value in (("id", event.id), ("trace", event.trace)) if value}
    line = {
        "version": 1,
        "destination": letter.slot.destination,
        "account": of.account,
        "order": of.order,
        "kind": of.kind,
        "id": letter.id,
        "code": letter.code,
        "died_at": rfc3339(letter.died_at),
        "event": letter.readable(),
        "history": event.history,
        "stored": {**times, **names, **_payload(event.payload)},
    }
    return msgspec.json.encode(line)


def letter_in(line: bytes, buffer: BufferSettings) -> Letter:
    """The letter of a line, without a number yet. Raises `InvalidEvent` with every fault, by field."""
    try:
        value = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidEvent([Fault("line", f"is not JSON: {error}")]) from None
    if not isinstance(value, dict):
        raise InvalidEvent([Fault("line", f"expected an object, got {type(value).__name__}")])
    carried = validated(value, Carried, at="")
    for place, entry in enumerate(carried.history):
        told = validated(entry, Entry, at=f"history[{place}]")
        if told.reasons is UNSET and told.edited is UNSET:
            raise InvalidEvent([Fault(f"history[{place}]", "is neither a death with its reasons nor an edit")])
    letter = _letter(carried, buffer)
    if faults := list(_faults(letter)):
        raise InvalidEvent(faults)
    return letter


def _with_zero_bytes(letter: Letter) -> Iterator[str]:
    return (name for name, text in (("account", letter.of.account), ("code", letter.code)) if "\0" in text)


def _payload(payload: bytes) -> dict[str, Any]:
    try:
        return {"payload": payload.decode()}
    except UnicodeDecodeError:
        return {"payload": b64encode(payload).decode(), "base64": True}


def _letter(carried: Carried, buffer: BufferSettings) -> Letter:
    name = carried.destination
    if name not in (*DESTINATIONS, INTAKE):
        raise InvalidEvent([Fault("destination", f"is none of {', '.join((*DESTINATIONS, INTAKE))}")])
    stored = carried.stored
    try:
        died_at = parse_rfc3339_utc(carried.died_at)
    except ValueError as error:
        raise InvalidEvent([Fault("died_at", str(error))]) from None
    try:
        payload = b64decode(stored.payload, validate=True) if stored.base64 else stored.payload.encode()
    except NoBase64:
        raise InvalidEvent([Fault("stored.payload", "is not base64")]) from None
    times = (stored.enqueued_at, stored.event_time)
    event = StoredEvent(*times, payload, stored.id, stored.trace, tuple(carried.history))
    slot = Slot(buffer.key_prefix, name, 0 if name == INTAKE else shard_of(carried.account, buffer.shards))
    of = Whole(carried.account, carried.order, carried.kind)
    return Letter(slot, "", carried.id, of, carried.code, died_at, event)


def _faults(letter: Letter) -> Iterator[Fault]:
    """What would spoil the requests of others, once it is sent again. It may be too old: that is told at a replay."""
    yield from (Fault(name, "holds a zero byte") for name in _with_zero_bytes(letter))
    if not 0 <= letter.died_at <= now_ms() + DAY_MS:  # no clock is so far ahead
        yield Fault("died_at", "lies before 1970" if letter.died_at < 0 else "lies in the future")
    try:
        letter.event.encode()
    except ValueError as error:
        yield Fault("stored", str(error))
    to, of, event = DESTINATIONS.get(letter.slot.destination), letter.of, letter.event
    if to is None:
        return
    try:
        made = to.prepare(of.account, to.event_of(event.payload, of), letter.id, event.event_time)
    except InvalidEvent as error:
        yield from error.faults
        return
    if to.event_id(event) != letter.id:
        yield Fault("id", "is not the one of the event")
    if (made.order, made.kind) != (of.order, of.kind):
        yield Fault("order", "and kind are not those of the event")
    if msgspec.json.decode(made.payload) != msgspec.json.decode(event.payload):
        yield Fault("stored.payload", "is not as an event of this destination is stored")
