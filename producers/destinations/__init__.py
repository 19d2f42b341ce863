"""The Rokt APIs that take events, as a producer sees them: what each accepts and how its events are grouped."""

from __future__ import annotations

from producers.destinations import event_api
from producers.destinations.contract import Destination, Prepared
from producers.errors import Fault, InvalidEvent

DESTINATIONS: dict[str, Destination] = {event_api.EVENT_API.name: event_api.EVENT_API}

__all__ = ["DESTINATIONS", "Destination", "Prepared", "destination_named"]


def destination_named(name: object) -> Destination:
    """The destination called `name`. Raises `InvalidEvent` naming the known ones."""
    found = DESTINATIONS.get(name) if isinstance(name, str) else None
    if found is None:
        raise InvalidEvent([Fault("destination", f"must be one of {', '.join(DESTINATIONS)}, got {name!r:.100}")])
    return found
