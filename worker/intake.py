"""Takes events from the queue `<prefix>.events` of the broker: a line of `forwarder enqueue` as a message's body.

A message is acknowledged only after its event was appended, so a crash between the two appends it again: at least once,
from the moment that the broker noted who has it (kombu's Redis transport does that a step after it gave it out). What
holds no valid event becomes a dead letter of the queue `intake`; it never comes back by itself.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import structlog
from kombu import Consumer, Queue
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from producers import EnqueueFailed, InvalidEvent, Producer
from producers.lines import Line, parse_line
from worker.broker import broker
from worker.broker_connection import BrokerConnection

log = structlog.get_logger("forwarder.intake")
MOST = 500  # messages in one append
PAUSE_S = 0.2
AWAY_S = 1.0
VISIBILITY_TIMEOUT_S = 30  # after a crash; an append takes far less
Reject = Callable[[Sequence[tuple[bytes, InvalidEvent]]], object]


class Intake:
    """Moves messages into the buffer, many at a time. `reject` keeps what is not valid, before it is acknowledged."""

    def __init__(self, broker_url: str, prefix: str, producer: Producer, reject: Reject) -> None:
        self._queue = Queue(f"{prefix}.events", durable=True)
        self._broker = broker(broker_url, visibility_timeout=VISIBILITY_TIMEOUT_S, **_own_keys(prefix))
        self._producer = producer
        self._reject = reject
        self._waiting: list[Any] = []

    def run(self, stopped: threading.Event) -> None:
        """Until `stopped`. A broker or a Redis that is away may come back; nothing is acknowledged meanwhile."""
        while not stopped.is_set():
            try:
                self._consume(stopped)
            except (OperationalError, RedisError, OSError, EnqueueFailed) as error:
                log.warning("intake_waits", error=type(error).__name__)
            except Exception:
                log.exception("intake_failed")
            self._waiting.clear()  # the broker gives them out again
            stopped.wait(AWAY_S)

    def _consume(self, stopped: threading.Event) -> None:
        with (
            BrokerConnection(**self._broker._asdict()) as connection,
            connection.channel() as channel,
        ):
            consumer = Consumer(
                channel,
                [self._queue],
                on_message=self._waiting.append,
                on_decode_error=lambda message, _error: self._waiting.append(message),  # it becomes a dead letter
                prefetch_count=MOST,
            )
            with consumer:
                while not stopped.is_set():
                    self._gather(connection)
                    if self._waiting:
                        self._hand_over(self._waiting[:])
                        self._waiting.clear()

    def _gather(self, connection: Any) -> None:
        """Messages until there are many, or none came for a moment."""
        ends = time.monotonic() + PAUSE_S
        while len(self._waiting) < MOST and (left := ends - time.monotonic()) > 0:
            try:
                connection.drain_events(timeout=left)
            except TimeoutError:
                return

    def _hand_over(self, messages: list[Any]) -> None:
        parsed: list[tuple[Any, Line]] = []
        faulty: list[tuple[Any, InvalidEvent]] = []
        for message in messages:
            try:
                parsed.append((message, parse_line(_body(message))))
            except InvalidEvent as error:
                faulty.append((message, error))
        results = self._producer.enqueue_many(line for _, line in parsed)
        accepted = []
        for (message, _), result in zip(parsed, results, strict=True):
            if isinstance(result.error, InvalidEvent):
                faulty.append((message, result.error))
            elif result.error is None:
                accepted.append(message)
        if faulty:
            self._reject([(_body(message), error) for message, error in faulty])
        for message in (*accepted, *(message for message, _ in faulty)):
            message.ack()
        failed = next((result.error for result in results if isinstance(result.error, EnqueueFailed)), None)
        if failed:
            raise failed


def _own_keys(prefix: str) -> dict[str, str]:
    """So that two installations on one broker do not take each other's messages."""
    names = ("unacked", "unacked_index", "unacked_mutex")
    return {f"{name}_key": f"{prefix}.intake.{name}" for name in names}


def _body(message: Any) -> bytes:
    body = message.body
    return body.encode("utf-8", "surrogatepass") if isinstance(body, str) else bytes(body)
