"""How one event lies in Redis: a small fixed header and the exact JSON text that goes into the request.

    flags u8 | first enqueued i64 ms | event time i64 ms | [id: u8 length, text] | [trace: u8 length, text]
    | [history: u32 length, JSON array] | payload

All integers are little-endian. The optional parts are there when their flag is set; nearly always none is, so a
request is a join of slices.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

import msgspec

_FIXED = struct.Struct("<Bqq")
_SHORT, _LONG = struct.Struct("<B"), struct.Struct("<I")
_ID, _TRACE, _HISTORY = 1, 2, 4
_KNOWN = _ID | _TRACE | _HISTORY


class StoredEvent(msgspec.Struct, frozen=True):
    """An event as it waits. Times in milliseconds since 1970; `history` holds one entry for each earlier death."""

    enqueued_at: int
    event_time: int
    payload: bytes
    id: str = ""
    trace: str = ""
    history: tuple[dict[str, Any], ...] = ()

    def encode(self) -> bytes:
        """The bytes of the head of this module. Raises ValueError for an id or trace above 255 bytes."""
        return encoded(self.enqueued_at, self.event_time, self.payload, self.id, self.trace, self.history)


def encoded(
    enqueued_at: int,
    event_time: int,
    payload: bytes,
    id: str = "",  # noqa: A002 - the name of the field
    trace: str = "",
    history: tuple[dict[str, Any], ...] = (),
) -> bytes:
    """As `StoredEvent.encode`, without the object that a producer would make for each event."""
    flags = (_ID if id else 0) | (_TRACE if trace else 0) | (_HISTORY if history else 0)
    fixed = _FIXED.pack(flags, enqueued_at, event_time)
    if not flags:
        return fixed + payload
    deaths = _long(msgspec.json.encode(history)) if history else b""
    return b"".join((fixed, _short(id), _short(trace), deaths, payload))


def decode(stored: bytes) -> StoredEvent:
    """The event in `stored`. Raises ValueError if the bytes are not of this layout."""
    if len(stored) < _FIXED.size:
        raise ValueError("an event shorter than its header")
    flags, enqueued_at, event_time = _FIXED.unpack_from(stored)
    if flags & ~_KNOWN:
        raise ValueError(f"an event header with unknown flags {flags:#x}: written by a newer version?")
    at = _FIXED.size
    id_, at = _read(stored, at, _SHORT) if flags & _ID else (b"", at)
    trace, at = _read(stored, at, _SHORT) if flags & _TRACE else (b"", at)
    history, at = _read(stored, at, _LONG) if flags & _HISTORY else (b"[]", at)
    entries = msgspec.json.decode(history, type=tuple[dict[str, Any], ...])
    return StoredEvent(enqueued_at, event_time, stored[at:], id_.decode(), trace.decode(), entries)


def payload_of(stored: bytes) -> bytes:
    """Only the JSON text: what a request needs."""
    return stored[_FIXED.size :] if stored[:1] == b"\0" else decode(stored).payload


def payloads_of(stored: Sequence[bytes]) -> list[bytes]:
    """The JSON texts of the events of a request. Raises ValueError if the bytes are not of this layout.

    All that is done for an event while it is delivered: a slice, without its header being looked at any closer.
    """
    start, after_id = _FIXED.size, _FIXED.size + 1
    try:
        payloads = [
            each[start:] if not each[0] else each[after_id + each[start] :] if each[0] == _ID else payload_of(each)
            for each in stored
        ]
    except IndexError:
        raise ValueError("an event shorter than its header") from None
    if not all(payloads):
        raise ValueError("an event without a text")
    return payloads


def has_history(stored: bytes) -> bool:
    """Whether it died before."""
    return bool(stored[:1] and stored[0] & _HISTORY)


def event_time_of(stored: bytes) -> int:
    """Only the event time in milliseconds."""
    event_time: int = _FIXED.unpack_from(stored)[2]
    return event_time


def _short(text: str) -> bytes:
    if not text:
        return b""
    data = text.encode()
    if len(data) > 255:
        raise ValueError(f"an id or trace of {len(data)} bytes; at most 255 fit")
    return _SHORT.pack(len(data)) + data


def _long(data: bytes) -> bytes:
    return _LONG.pack(len(data)) + data


def _read(stored: bytes, at: int, length: struct.Struct) -> tuple[bytes, int]:
    start = at + length.size
    if start > len(stored):
        raise ValueError("an event header that breaks off")
    (size,) = length.unpack_from(stored, at)
    if start + size > len(stored):
        raise ValueError("an event header longer than the event")
    return stored[start : start + size], start + size
