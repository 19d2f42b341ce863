"""What a stored event remembers: an entry for each time that it died, and for each time that it was edited. Pure.

A death: at, batch, attempts, status, trace_id, reasons. An edit: at, and edited: by, via, why, and as `original` the
event before it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

HISTORY_KEPT = 20
EDITS_KEPT = 5  # each holds a whole event

Entry = dict[str, Any]
History = tuple[Entry, ...]


def added(history: History, entry: Entry) -> History:
    """With one entry more. The oldest go, but never the first edit: it holds the event as it was enqueued."""
    whole = [*history, entry]
    edits = [place for place, each in enumerate(whole) if "edited" in each]
    first = edits[:1]
    dropped = set(edits[1 : max(1, len(edits) - EDITS_KEPT + 1)])
    kept = [place for place in range(len(whole)) if place not in dropped]
    rest = [place for place in kept if place not in first][-(HISTORY_KEPT - len(first)) :]
    return tuple(whole[place] for place in sorted((*first, *rest)))


def edits(history: Iterable[Entry]) -> list[Mapping[str, Any]]:
    """What each edit says of itself, oldest first."""
    return [entry["edited"] for entry in history if isinstance(entry.get("edited"), dict)]


def original(history: Iterable[Entry], now: Any) -> Any:
    """The event as it was enqueued: before its first edit, or as it is."""
    return next((each["original"] for each in edits(history) if "original" in each), now)
