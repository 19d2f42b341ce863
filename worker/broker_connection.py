"""kombu's connection, made to come back soon: Celery waits 2, 4, 6 … 30 seconds between its attempts otherwise."""

from __future__ import annotations

from typing import Any

import kombu
from celery.app.amqp import AMQP

MOST_S = 1.0  # between two attempts
_USUAL = {"interval_start": 2, "interval_step": 2, "interval_max": 30}


class BrokerConnection(kombu.Connection):  # type: ignore[misc]  # kombu ships no types
    """Tries again every second, for as long as it takes."""

    def _ensure_connection(self, *args: Any, **kwargs: Any) -> Any:
        for name, usual in _USUAL.items():
            kwargs[name] = min(kwargs.get(name, usual), MOST_S)
        return super()._ensure_connection(*args, **kwargs)


class Amqp(AMQP):  # type: ignore[misc]  # Celery ships no types
    """Celery's way to the broker, over such a connection."""

    Connection = BrokerConnection
    BrokerConnection = BrokerConnection
