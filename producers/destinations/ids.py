"""The ids of events whose payload holds none."""

from __future__ import annotations

import uuid

LONGEST = 200  # bytes; the event's header has room for 255


def made_or_given(event_id: object) -> str:
    """The caller's id, or a new one; never derived from the content. Raises ValueError with the fault."""
    if event_id is None:
        return str(uuid.uuid4())
    if not isinstance(event_id, str):
        raise ValueError(f"expected str, got {type(event_id).__name__}")
    if not 1 <= len(event_id.encode("utf-8", "surrogatepass")) <= LONGEST:
        raise ValueError(f"expected 1 to {LONGEST} bytes")
    event_id.encode()
    return event_id
