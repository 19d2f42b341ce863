"""Loaded into a worker under test (`-I`): remote control commands that break it from within."""

from __future__ import annotations

import time
from typing import Any

from celery.worker.control import control_command


@control_command(args=[("seconds", float)])  # type: ignore[untyped-decorator]  # Celery ships no types
def hang(state: Any, seconds: float = 0) -> None:  # noqa: ARG001 - Celery's signature
    """The consumer's event loop stands still; the other threads of the main process go on."""
    time.sleep(seconds)
