"""Reads the queue through kombu, from a broker that itself notes who has a message: RabbitMQ.

A message is acknowledged only after its event was appended, so a crash between the two appends it again: at least once.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kombu import Connection, Consumer, Queue

from worker.effects import effect
from worker.intake.hand_over import HandOver, Message

MOST = 500  # messages in one append
PAUSE_S = 0.2


class KombuReader:
    """Moves messages into the buffer, many at a time."""

    def __init__(self, broker_url: str, prefix: str, hand_over: HandOver) -> None:
        self._broker_url = broker_url
        self._queue = Queue(f"{prefix}.events", durable=True)
        self._hand_over = hand_over

    def read(self, stopped: threading.Event) -> None:
        """Until `stopped`. Raises what broker and buffer raise; what is unacknowledged then is given out again."""
        waiting: list[Any] = []
        with _opened(self._broker_url) as (connection, channel), self._consumer(channel, waiting):
            while not stopped.is_set():
                _gather(connection, waiting)
                self._move(waiting)
                waiting.clear()

    def _consumer(self, channel: Any, waiting: list[Any]) -> Any:
        with effect("declare queue"):
            return Consumer(
                channel,
                [self._queue],
                on_message=waiting.append,
                on_decode_error=lambda message, _error: waiting.append(message),  # it becomes a dead letter
                prefetch_count=MOST,
            )

    def _move(self, messages: list[Any]) -> None:
        if messages:
            outcome = self._hand_over([Message.of(_body(message)) for message in messages])
            for place in outcome.done:
                with effect("acknowledge"):
                    messages[place].ack()
            if outcome.failed:
                raise outcome.failed


@contextmanager
def _opened(broker_url: str) -> Iterator[tuple[Any, Any]]:
    """A connection and its channel."""
    with Connection(broker_url) as connection:
        channel = connection.channel()
        try:
            yield connection, channel
        finally:
            with effect("leave queue"):
                channel.close()


def _gather(connection: Any, waiting: list[Any]) -> None:
    """Messages until there are many, or none came for a moment."""
    ends = time.monotonic() + PAUSE_S
    while len(waiting) < MOST and (left := ends - time.monotonic()) > 0:
        try:
            with effect("receive"):
                connection.drain_events(timeout=left)
        except TimeoutError:
            return


def _body(message: Any) -> bytes:
    body = message.body
    return body.encode("utf-8", "surrogatepass") if isinstance(body, str) else bytes(body)
