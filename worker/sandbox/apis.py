"""The APIs that the sandbox stands in for. Another one is a module with an `api.Api`, and a line here."""

from __future__ import annotations

from .api import Api
from .credentials import Credentials
from .event_api import EventApi


def all_apis(credentials: Credentials) -> tuple[Api, ...]:
    """Every API, sharing one set of credentials."""
    return (EventApi(credentials),)
