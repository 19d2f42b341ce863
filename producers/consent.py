"""A shop's own word on whether an event may be sent: asked before it is stored, and again before a replay."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from producers.destinations import Destination, Whole
from producers.errors import ConfigurationError

Consent = Callable[[str, str, Any], bool]
"""destination, account and the event as it would be sent, spelled as Rokt's document does -> whether it may be."""


def consent_named(path: str, variable: str) -> Consent:
    """The function at `package.module:name`. Raises `ConfigurationError` naming `variable`."""
    module, _, name = path.partition(":")
    try:
        found = getattr(import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigurationError(f"{variable}: {path!r} is no package.module:function: {error}") from None
    if not callable(found):
        raise ConfigurationError(f"{variable}: {path!r} is not a function")
    allowed: Consent = found
    return allowed


def allows(consent: Consent, to: Destination, payload: bytes, of: Whole) -> bool:
    """Asks about an event as it is stored."""
    return bool(consent(to.name, of.account, to.event_of(payload, of)))
