"""The contents of a Server Events API request: Server Events API, PartnerEvent.

A value of another JSON type makes the whole request unreadable, as it cannot become a `PartnerEvent` at all; anything
else is a fault of its event alone, which then has all its errors. No text repeats a value: it may be personal data.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from .api import Error, Json, Record
from .times import Window, parse_utc

MAX_EVENTS = 25
EVENT_TYPES = ("SignalImpression", "SignalViewed", "SignalResponse")
UNKNOWN_TYPE = "Unknown"
DEFAULT_TIME = "0001-01-01T00:00:00+00:00"

_TEXTS = ("eventType", "eventTime", "sessionId", "parentGuid", "clientUniqueId")

# The first four are the document's, from its sample of a 207; the others are the sandbox's own.
INVALID_EVENT_TYPE = Error("InvalidEventType", "Event type is invalid")
SESSION_ID_MISSING = Error("SessionIdMissing", "SessionId is missing or invalid")
PARENT_GUID_MISSING = Error("ParentGuidIsMissing", "ParentGuid is null or empty")
EVENT_TIME_MISSING = Error("EventTimeIsMissing", "EventTime is null or default")
EVENT_TIME_OUT_OF_RANGE = Error(
    "EventTimeOutOfRange", "EventTime must not be more than 3 days in the past or 5 minutes in the future"
)
CLIENT_UNIQUE_ID_MISSING = Error("ClientUniqueIdIsMissing", "ClientUniqueId is null or empty")
METADATA_INVALID = Error("MetadataIsInvalid", "Metadata must have a name and a value each")


def type_fault(events: Sequence[Json]) -> str | None:
    """The first value that cannot be read as what the document says it is, by its path."""
    for index, event in enumerate(events):
        if not isinstance(event, dict):
            return f"events[{index}]: must be an object"
        if fault := _event_type_fault(event):
            return f"events[{index}].{fault}"
    return None


def session_of(events: Iterable[Json]) -> str | None:
    """The first session id that is there."""
    return next(iter(_sessions(events)), None)


def has_several_sessions(events: Iterable[Json]) -> bool:
    """Whether events name different sessions; one that names none has a fault of its own."""
    return len(set(_sessions(events))) > 1


def event_errors(event: Json, window: Window) -> list[Error]:
    """Every error of one event, in the order of the document's sample."""
    if not isinstance(event, dict):
        return []
    errors = [
        event.get("eventType") not in EVENT_TYPES and INVALID_EVENT_TYPE,
        _blank(event, "sessionId") and SESSION_ID_MISSING,
        _blank(event, "parentGuid") and PARENT_GUID_MISSING,
        _time_error(event, window),
        _blank(event, "clientUniqueId") and CLIENT_UNIQUE_ID_MISSING,
        not all(map(_is_whole, _metadata(event))) and METADATA_INVALID,
    ]
    return [error for error in errors if error]


def echo(event: Json) -> Json:
    """An event as it comes back: read into a `PartnerEvent` and written again, so faulty fields have their defaults."""
    if not isinstance(event, dict):
        return event
    known = event.get("eventType") in EVENT_TYPES
    written: Record = {
        "eventType": event["eventType"] if known else UNKNOWN_TYPE,
        "sessionId": _text(event, "sessionId"),
        "eventTime": _written_time(_text(event, "eventTime")),
        "parentGuid": _text(event, "parentGuid"),
        "clientUniqueId": _text(event, "clientUniqueId"),
    }
    return written | {"metadata": event["metadata"]} if event.get("metadata") is not None else written


def echo_of_the_sample(event: Mapping[str, Json]) -> Record:
    """An event of which, as in the document's sample of a 207, nothing but `clientUniqueId` is left."""
    return {
        "eventType": UNKNOWN_TYPE,
        "sessionId": "",
        "eventTime": DEFAULT_TIME,
        "parentGuid": "",
        "clientUniqueId": _text(event, "clientUniqueId"),
    }


def _event_type_fault(event: Mapping[str, Json]) -> str | None:
    for name in _TEXTS:
        if not isinstance(event.get(name), str | None):
            return f"{name}: must be a string"
    if not isinstance(event.get("metadata"), list | None):
        return "metadata: must be a list"
    for index, entry in enumerate(_metadata(event)):
        if not isinstance(entry, dict) or not all(isinstance(_entry(entry, name), str | None) for name in _PAIR):
            return f"metadata[{index}]: must be an object of two strings"
    return None


def _sessions(events: Iterable[Json]) -> list[str]:
    texts = [event.get("sessionId") for event in events if isinstance(event, dict)]
    return [text for text in texts if isinstance(text, str) and text.strip()]


def _time_error(event: Mapping[str, Json], window: Window) -> Error | None:
    text = _text(event, "eventTime")
    moment = parse_utc(text)
    if moment is None or _written_time(text) == DEFAULT_TIME:
        return EVENT_TIME_MISSING
    return None if window.oldest <= moment <= window.newest else EVENT_TIME_OUT_OF_RANGE


def _written_time(text: str) -> str:
    """As the document's sample writes times, with the offset in digits."""
    return DEFAULT_TIME if parse_utc(text) is None else re.sub("[Zz]$", "+00:00", text)


def _blank(event: Mapping[str, Json], name: str) -> bool:
    return not _text(event, name).strip()


def _text(event: Mapping[str, Json], name: str) -> str:
    text = event.get(name)
    return text if isinstance(text, str) else ""


_PAIR = ("name", "value")


def _metadata(event: Mapping[str, Json]) -> Sequence[Json]:
    entries = event.get("metadata")
    return entries if isinstance(entries, list) else ()


def _entry(entry: Mapping[str, Json], name: str) -> Json:
    """The document's table writes `Name` and `Value`, its sample `name` and `value`."""
    return entry.get(name, entry.get(name.title()))


def _is_whole(entry: Json) -> bool:
    return isinstance(entry, dict) and bool(_entry(entry, "name")) and _entry(entry, "value") is not None
