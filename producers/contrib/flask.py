"""Flask: `RoktForwarder(app)`, then `current_producer.enqueue(…)` in a view."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from flask import Flask, current_app
from werkzeug.local import LocalProxy

from producers.consent import Consent
from producers.contrib.configured import configured_producer
from producers.contrib.process_wide import ProcessWide
from producers.errors import ConfigurationError
from producers.settings import PREFIX

if TYPE_CHECKING:
    from producers.producer import Producer

NAME = "rokt_forwarder"


class RoktForwarder:
    """The extension. Settings: keys of `app.config` that are named as the variables (`FORWARDER_…`), else those.

    Nothing connects, or is even read, before the first event; each process of a server has its own connections.
    """

    def __init__(self, app: Flask | None = None, *, consent: Consent | None = None) -> None:
        self._consent = consent
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask) -> None:
        app.extensions[NAME] = ProcessWide(lambda: configured_producer(self._settings(app)))

    def _settings(self, app: Flask) -> dict[str, object]:
        asked = {} if self._consent is None else {"FORWARDER_CONSENT": self._consent}
        return {name: value for name, value in app.config.items() if name.startswith(PREFIX)} | asked


def _current() -> Producer:
    extension = current_app.extensions.get(NAME)
    if not isinstance(extension, ProcessWide):
        raise ConfigurationError("this app knows no RoktForwarder: call RoktForwarder(app), or its init_app(app)")
    return extension.get()


current_producer = cast("Producer", LocalProxy(_current))
"""The producer of the app that handles the request. Raises `ConfigurationError` for an app without the extension."""
