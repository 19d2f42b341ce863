"""Which of the sent events a 207 of the Server Events API names. They carry no unique id, and Rokt's echo may rewrite
fields: its own sample shows an emptied session and the year 1. Source: server-events-api.txt, "Partial Success".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from producers.clock import parse_rfc3339_utc
from producers.destinations.outcomes import Delivered, Reason

_PLAIN = ("eventType", "sessionId", "parentGuid", "clientUniqueId")
_BLANK_TIME = "0001-01-01"


class Echo(NamedTuple):
    """An event as Rokt gave it back, and why it was not processed."""

    event: Any
    reasons: tuple[Reason, ...]


def matched(echoes: Sequence[Echo], payloads: Sequence[bytes], *, adds_up: bool, retried: frozenset[str]) -> Delivered:
    """Refused are the events that an echo names beyond doubt; what it may mean besides is unclear.

    An echo that gives an event back unchanged takes it first; then those with emptied fields choose among the rest.
    Equal events are interchangeable. If an echo means no event, or the counts do not add up (`adds_up`), every event
    that is not refused is unclear.
    """
    sent = [msgspec.json.decode(payload) for payload in payloads]
    taken: dict[int, tuple[Reason, ...]] = {}
    unclear: set[int] = set()
    everything = range(len(payloads))
    for echo in sorted(echoes, key=lambda each: not any(_same(each.event, event) for event in sent)):
        may_mean = [place for place in everything if place not in taken and _may_mean(echo.event, sent[place])]
        if len(payloads) == 1:
            may_mean = [0]
        if may_mean and len({payloads[place] for place in may_mean}) == 1:
            taken[may_mean[0]] = taken.get(may_mean[0], ()) + echo.reasons
        else:
            unclear.update(may_mean or everything)
    if not adds_up:
        unclear.update(everything)
    later = frozenset(place for place, given in taken.items() if all(each.code in retried for each in given))
    refused = {place: given for place, given in taken.items() if place not in later}
    return Delivered(refused, later, frozenset(unclear - taken.keys()))


def _same(echo: Any, event: Mapping[str, Any]) -> bool:
    return (
        isinstance(echo, dict)
        and all(_agrees(echo.get(name), event[name]) is True for name in _PLAIN)
        and (_time_agrees(echo.get("eventTime"), event["eventTime"]) is True)
    )


def _may_mean(echo: Any, event: Mapping[str, Any]) -> bool:
    """Whether nothing in the echo speaks against this event: each field is the same, or was emptied."""
    if not isinstance(echo, dict):
        return False
    agreeing = [_agrees(echo.get(name), event[name]) for name in _PLAIN]
    agreeing.append(_time_agrees(echo.get("eventTime"), event["eventTime"]))
    agreeing.append(_metadata_agrees(echo.get("metadata"), event.get("metadata", [])))
    return False not in agreeing and True in agreeing


def _agrees(echoed: Any, sent: str) -> bool | None:
    """True: the same. False: another. None: emptied, which says nothing."""
    if echoed in (None, "", "Unknown"):
        return None
    return bool(echoed == sent)


def _time_agrees(echoed: Any, sent: str) -> bool | None:
    if not isinstance(echoed, str) or not echoed or echoed.startswith(_BLANK_TIME):
        return None
    try:
        return parse_rfc3339_utc(echoed) == parse_rfc3339_utc(sent)
    except ValueError:
        return None


def _metadata_agrees(echoed: Any, sent: Sequence[Mapping[str, str]]) -> bool | None:
    """Rokt adds entries of its own, so what was sent must be among what came back."""
    if not isinstance(echoed, list) or not echoed:
        return None
    pairs = {_pair(entry) for entry in echoed if isinstance(entry, dict)}
    return all(_pair(entry) in pairs for entry in sent) if sent else None


def _pair(entry: Mapping[str, Any]) -> tuple[str, str]:
    return str(entry.get("name", entry.get("Name"))), str(entry.get("value", entry.get("Value")))
