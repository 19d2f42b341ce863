"""The Rokt APIs that take events, one module each: its limits, order key, kind, request, outcome and credentials."""

from __future__ import annotations

from producers.destinations.audience import AUDIENCE
from producers.destinations.contract import Destination, Prepared, Whole
from producers.destinations.event_api import EVENT_API
from producers.destinations.server_events import SERVER_EVENTS
from producers.errors import Fault, InvalidEvent
from producers.validation import near

DESTINATIONS: dict[str, Destination] = {each.name: each for each in (EVENT_API, SERVER_EVENTS, AUDIENCE)}

__all__ = ["DESTINATIONS", "Destination", "Prepared", "Whole", "destination_named"]


def destination_named(name: object) -> Destination:
    """The destination called `name`. Raises `InvalidEvent` naming the known ones."""
    found = DESTINATIONS.get(name) if isinstance(name, str) else None
    if found is not None:
        return found
    hint = near(name, DESTINATIONS) if isinstance(name, str) else ""
    raise InvalidEvent([Fault("destination", f"must be one of {', '.join(DESTINATIONS)}{hint}")])
