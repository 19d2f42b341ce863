"""A shop that puts events into a queue of RabbitMQ and wants to know that they are there."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterable
from typing import Any

from kombu import Connection

AGAIN_S = 0.2
ANSWER_S = 5.0


class Publisher:
    """Publishes each body until it is confirmed; what RabbitMQ did not confirm goes out again."""

    def __init__(self, url: str, queue: str) -> None:
        self._url = url
        self._queue = queue
        self._connection: Any = None
        self.confirmed = 0
        self.republished = 0

    def send(self, bodies: Iterable[Any]) -> None:
        for body in bodies:
            while not self._confirmed(body if isinstance(body, bytes) else json.dumps(body).encode()):
                self.republished += 1
                time.sleep(AGAIN_S)
            self.confirmed += 1

    def close(self) -> None:
        if self._connection:
            self._connection.collect()
            self._connection = None

    def _confirmed(self, body: bytes) -> bool:
        try:
            self._producer().publish(
                body,
                routing_key=self._queue,
                content_type="application/json",
                content_encoding="utf-8",
                delivery_mode=2,
                mandatory=True,
                confirm_timeout=ANSWER_S,
            )
        except Exception:  # noqa: BLE001 - whatever it was, it is not confirmed
            with contextlib.suppress(Exception):
                self.close()
            return False
        return True

    def _producer(self) -> Any:
        if self._connection is None:
            self._connection = Connection(
                self._url, connect_timeout=1, transport_options={"confirm_publish": True, "max_retries": 1}
            )
        return self._connection.Producer()
