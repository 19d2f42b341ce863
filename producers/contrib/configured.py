"""A framework's own settings in front of the environment, as the variables that `Producer.from_env` reads."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from producers.consent import Consent
from producers.producer import Producer
from producers.settings import PREFIX


def configured_producer(given: Mapping[str, Any], environ: Mapping[str, str] = os.environ) -> Producer:
    """`given`: settings by their variables' names, with or without `FORWARDER_`, as text, numbers or booleans.

    What is not given, or None, comes from the environment. `CONSENT` may also be the function itself.
    Raises `ConfigurationError` that names the variable at fault.
    """
    named = {PREFIX + name.removeprefix(PREFIX): value for name, value in given.items() if value is not None}
    consent: Consent | None = None
    if callable(named.get("FORWARDER_CONSENT")):
        consent = named.pop("FORWARDER_CONSENT")
    variables = {name: _text(value) for name, value in named.items()}
    return Producer.from_env({**environ, **variables}, consent=consent)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
