"""A shop's own word on whether an event may be sent: asked before it is stored, and again before a replay."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from inspect import iscoroutinefunction
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


def refused_if_late(consent: Consent | None) -> Consent | None:
    """The callback itself. Raises `ConfigurationError` for a coroutine function, whose answer would come too late."""
    if iscoroutinefunction(consent):
        raise ConfigurationError("the consent callback must not be a coroutine function: it is not awaited")
    return consent


def allows(consent: Consent, to: Destination, payload: bytes, of: Whole) -> bool:
    """Asks about an event as it is stored. Raises TypeError for an answer that is neither yes nor no."""
    answer = consent(to.name, of.account, to.event_of(payload, of))
    if not isinstance(answer, bool):  # a coroutine would be taken for yes
        raise TypeError(f"gave {type(answer).__name__}, and not True or False")
    return answer
