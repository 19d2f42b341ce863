"""The producer of a Django process, made from its settings."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core import checks

from producers.contrib.configured import configured_producer
from producers.contrib.process_wide import ProcessWide
from producers.errors import ConfigurationError
from producers.producer import Producer

SETTING = "ROKT_FORWARDER"


def get_producer() -> Producer:
    """One for each process, which connects at the first event. Raises `ConfigurationError`."""
    return _PRODUCER.get()


def settings_check(**_: Any) -> list[Any]:
    """`manage.py check` tells a setting that cannot be used. It connects to nothing."""
    try:
        _made().close()
    except ConfigurationError as error:
        return [checks.Error(f"{SETTING}: {error}", id="rokt_forwarder.E001")]
    return []


def settings_changed(*, setting: str, **_: Any) -> None:
    """As `override_settings` does in tests."""
    if setting == SETTING:
        _PRODUCER.forget()


def _made() -> Producer:
    return configured_producer(getattr(settings, SETTING, {}))


_PRODUCER = ProcessWide(_made)
