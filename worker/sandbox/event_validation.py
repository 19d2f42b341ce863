"""The contents of an Event API request: Event API, POST Events, Parameters.

Each function returns its first fault as text that begins with the field's path (`events[3].eventTime: …`), or None.
No text repeats a value: they may be personal data.
"""

from __future__ import annotations

from collections.abc import Mapping

from .api import Json
from .times import Window, parse_utc

MAX_EVENTS = 100
MAX_ENTRIES = 100  # older editions of the document: metaData and objectData hold at most 100 items each
MAX_ACCOUNT_ID = 64
MAX_CLIENT_EVENT_ID = 36
MAX_EVENT_TYPE = 128
MAX_NAME = 256
MAX_VALUE = 65_536
RESERVED_PREFIX = "rokt."


def account_fault(data: Mapping[str, Json]) -> str | None:
    """`accountId`: required, 1 to 64 characters."""
    return _text_fault(data, "accountId", MAX_ACCOUNT_ID)


def events_fault(data: Mapping[str, Json], window: Window) -> str | None:
    """`events`: required, 1 to 100 of them, each in order and of a time inside the window."""
    events = data.get("events")
    if not isinstance(events, list):
        return "events: must be a list"
    if not 1 <= len(events) <= MAX_EVENTS:
        return f"events: must hold 1 to {MAX_EVENTS} items, not {len(events)}"
    for index, event in enumerate(events):
        if fault := _event_fault(event, window):
            return f"events[{index}]{fault}"
    return None


def _event_fault(event: Json, window: Window) -> str | None:
    if not isinstance(event, dict):
        return ": must be an object"
    fault = (
        _text_fault(event, "clientEventId", MAX_CLIENT_EVENT_ID)
        or _text_fault(event, "eventType", MAX_EVENT_TYPE)
        or _time_fault(event.get("eventTime"), window)
        or _entries_fault(event, "metaData")
        or _entries_fault(event, "objectData")
    )
    return fault and f".{fault}"


def _time_fault(text: Json, window: Window) -> str | None:
    moment = parse_utc(text) if isinstance(text, str) else None
    if moment is None:
        return "eventTime: must be a time in UTC as of RFC 3339, as a string"
    if moment < window.oldest:
        return "eventTime: must not be older than 18 months"
    if moment > window.newest:
        return "eventTime: must not be more than 5 minutes in the future"
    return None


def _entries_fault(event: Mapping[str, Json], key: str) -> str | None:
    if key not in event:
        return None
    entries = event[key]
    if not isinstance(entries, list):
        return f"{key}: must be a list"
    if len(entries) > MAX_ENTRIES:
        return f"{key}: must hold at most {MAX_ENTRIES} items, not {len(entries)}"
    for index, entry in enumerate(entries):
        if fault := _entry_fault(entry):
            return f"{key}[{index}]{fault}"
    return None


def _entry_fault(entry: Json) -> str | None:
    if not isinstance(entry, dict):
        return ": must be an object"
    fault = _text_fault(entry, "name", MAX_NAME) or _text_fault(entry, "value", MAX_VALUE, minimum=0)
    if fault:
        return f".{fault}"
    if str(entry["name"])[: len(RESERVED_PREFIX)].lower() == RESERVED_PREFIX:
        return f".name: must not begin with {RESERVED_PREFIX}"
    return None


def _text_fault(owner: Mapping[str, Json], key: str, maximum: int, minimum: int = 1) -> str | None:
    text = owner.get(key)
    if not isinstance(text, str):
        return f"{key}: must be a string" if key in owner else f"{key}: is required"
    if not minimum <= len(text) <= maximum:
        return f"{key}: must have {minimum} to {maximum} characters, not {len(text)}"
    return None
