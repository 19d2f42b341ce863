"""Which events were accepted before, as the index in Redis knows it: by account, type and id, and by their content."""

from __future__ import annotations

from typing import Any

from producers.accepted import Fate
from producers.destinations import Whole
from producers.preparer import Made
from producers.stored_event import StoredEvent, decode

Name = tuple[str, str, str, str]


class KnownIds:
    """Tells an event that comes again from another one under the same id."""

    def __init__(self) -> None:
        self._contents: dict[Name, Any] = {}

    def fate(self, made: Made) -> Fate:
        """Of an event that comes now: `BUFFERED` if it is the first of its id."""
        stored = decode(made.entry.stored)
        event = event_of(made, stored)
        name = (made.to.name, made.entry.account, _type(event), made.id)
        said = _said(event, stored)
        if name not in self._contents:
            self._contents[name] = said
            return Fate.BUFFERED
        return Fate.DUPLICATE if self._contents[name] == said else Fate.CONFLICT

    def clear(self) -> None:
        self._contents.clear()


def event_of(made: Made, stored: StoredEvent) -> Any:
    """The event as Rokt would get it, spelled as the document does."""
    return made.to.event_of(stored.payload, Whole(made.entry.account, made.entry.order, made.entry.kind))


def _type(event: Any) -> str:
    return str(event.get("eventType") or event.get("action"))


def _said(event: Any, stored: StoredEvent) -> Any:
    """Without the time if it was made at the call: a retried call makes another."""
    if stored.event_time != stored.enqueued_at:
        return event
    return {name: value for name, value in event.items() if name != "eventTime"}
