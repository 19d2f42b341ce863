"""The Rokt APIs that events are delivered to, by name."""

from __future__ import annotations

from worker.destinations.contract import Api
from worker.destinations.event_api import EVENT_API

APIS: dict[str, Api] = {EVENT_API.name: EVENT_API}

__all__ = ["APIS", "Api"]
