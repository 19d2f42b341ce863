"""The ids of events whose payload holds none."""

from __future__ import annotations

import os

LONGEST = 200  # bytes; the event's header has room for 255


def new_id() -> str:
    """A random UUID (version 4). As `uuid.uuid4()`, without the object that would be made for its text alone.

    Each is read from the system: random bytes kept in store would give one id twice after a fork, or in two copies of
    a machine that was frozen.
    """
    data = os.urandom(16)
    digits = data.hex()
    variant = "89ab"[data[8] >> 6]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"


def made_or_given(event_id: object) -> str:
    """The caller's id, or a new one; never derived from the content. Raises ValueError with the fault."""
    if event_id is None:
        return new_id()
    if not isinstance(event_id, str):
        raise ValueError(f"expected str, got {type(event_id).__name__}")
    if not 1 <= len(event_id.encode("utf-8", "surrogatepass")) <= LONGEST:
        raise ValueError(f"expected 1 to {LONGEST} bytes")
    event_id.encode()
    return event_id
