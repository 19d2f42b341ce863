"""Reads the queue through kombu, from a broker that itself notes who has a message: RabbitMQ.

A message is acknowledged only after its event was appended, so a crash between the two appends it again: at least once.
None is ever sent back: what the buffer does not take yet is kept in hand, unacknowledged, and tried again. A broker
counts how often it gave a message out, and some throw it away when that was too often.
"""

from __future__ import annotations

import threading
import time
from typing import Any

import structlog
from kombu import Consumer
from kombu.exceptions import OperationalError

from worker.broker.broker import broker
from worker.broker.connection import BrokerConnection
from worker.broker.queues import events_queue
from worker.effects import effect
from worker.intake.hand_over import HandOver, Message

log = structlog.get_logger("forwarder.intake")
MOST = 500  # messages in one append, and in hand
PAUSE_S = 0.2
AGAIN_S = 1.0  # after the buffer did not take all of them
ANSWER_S = 5.0
HEARTBEAT_S = 10
_DENIED = (403, 404, 406)  # of AMQP: access refused, not found, declared otherwise


class KombuReader:
    """Moves messages into the buffer, many at a time."""

    def __init__(self, broker_url: str, prefix: str, hand_over: HandOver) -> None:
        self._broker_url = broker_url
        self._queue = events_queue(broker_url, prefix)
        self._hand_over = hand_over

    def read(self, stopped: threading.Event) -> None:
        """Until `stopped`, or raises `OperationalError`: the broker is away, and gives out again what is in hand."""
        connection = BrokerConnection(**broker(self._broker_url)._asdict(), heartbeat=HEARTBEAT_S)
        try:
            self._read(connection, stopped)
        except (*connection.connection_errors, *connection.channel_errors) as error:
            raise OperationalError(str(error)) from error
        finally:
            connection.collect()  # to close it in order would be a question to a broker that may hang

    def _read(self, connection: BrokerConnection, stopped: threading.Event) -> None:
        waiting: list[Any] = []
        with connection.answering(ANSWER_S):
            channel = connection.channel()
            self._consume(connection, channel, waiting)
        while not stopped.is_set():
            _gather(connection, waiting)
            waiting[:] = self._move(waiting)
            if waiting:
                _rest(connection, stopped)
        with connection.answering(ANSWER_S), effect("leave queue"):
            channel.close()
        connection.release()

    def _consume(self, connection: BrokerConnection, channel: Any, waiting: list[Any]) -> None:
        Consumer(
            channel,
            [self._declared(connection)],
            on_message=waiting.append,
            on_decode_error=lambda message, _error: waiting.append(message),  # it becomes a dead letter
            prefetch_count=MOST,
            auto_declare=False,
        ).consume()

    def _declared(self, connection: BrokerConnection) -> Any:
        """The queue as it is meant to be; or as it is, if it is there and was made by somebody else."""
        try:
            with effect("declare queue"):
                self._queue(connection.default_channel).declare()
        except connection.channel_errors as error:
            if getattr(error, "code", None) not in _DENIED:
                raise
            connection.revive(None)  # AMQP has closed the channel
            self._queue(connection.default_channel).queue_declare(passive=True)
            log.warning("intake_queue_is_not_ours", queue=self._queue.name, why=str(error), see="ops/docs/rabbitmq.md")
        return self._queue

    def _move(self, messages: list[Any]) -> list[Any]:
        """Hands them over; gives those that the buffer does not have yet."""
        if not messages:
            return []
        outcome = self._hand_over([Message.of(_body(message)) for message in messages])
        for place in outcome.done:
            with effect("acknowledge"):
                messages[place].ack()
        if outcome.failed:
            log.warning("intake_waits", error=type(outcome.failed).__name__, in_hand=len(messages) - len(outcome.done))
        done = set(outcome.done)
        return [message for place, message in enumerate(messages) if place not in done]


def _gather(connection: BrokerConnection, waiting: list[Any]) -> None:
    """Messages until there are many, or none came for a moment."""
    ends = time.monotonic() + PAUSE_S
    while len(waiting) < MOST and (left := ends - time.monotonic()) > 0:
        try:
            with effect("receive"):
                connection.drain_events(timeout=left)
        except TimeoutError:
            break
    connection.heartbeat_check()


def _rest(connection: BrokerConnection, stopped: threading.Event) -> None:
    """Until the buffer is asked again. What comes meanwhile: heartbeats, or the broker's end."""
    ends = time.monotonic() + AGAIN_S
    while not stopped.is_set() and (left := ends - time.monotonic()) > 0:
        connection.heartbeat_check()
        try:
            connection.drain_events(timeout=min(left, PAUSE_S))
        except TimeoutError:
            continue


def _body(message: Any) -> bytes:
    body = message.body
    return body.encode("utf-8", "surrogatepass") if isinstance(body, str) else bytes(body)
