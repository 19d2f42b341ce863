"""Puts task messages into the broker's queues: where nobody takes them, more of them would say nothing new."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kombu.exceptions import OperationalError

from worker.effects import effect

ANSWER_S = 2.0


class TaskQueues:
    """The queues of the tasks. `most`: one message for each slot of a destination says all that there is to say.

    The note in Redis alone does not bound them: it lapses every two seconds, which is right where a message was lost.
    A pause that grows would make just that loss expensive; the length is what it is about, and it is asked for only
    when a message is about to be sent. Every call ends within seconds, and raises `OperationalError` for what the
    broker's absence raises.
    """

    def __init__(self, app: Any, most: int) -> None:
        self._app = app
        self._most = most
        self._connection = app.connection_for_write()  # of its own: those of the pool know no time-out

    def send(self, queue: str, shard: int, task: str = "") -> None:
        """Sends the task, by the queue's name unless told, if not enough of them wait."""
        with self._connected() as connection:
            if self._has_room(connection, queue):
                with effect("send task"):
                    self._app.send_task(task or queue, args=(shard,), connection=connection)

    @contextmanager
    def _connected(self) -> Iterator[Any]:
        connection = self._connection
        try:
            connection.ensure_connection(max_retries=1, timeout=ANSWER_S)
            with connection.answering(ANSWER_S):
                yield connection
        except (*connection.connection_errors, *connection.channel_errors) as error:
            raise OperationalError(str(error)) from error

    def _has_room(self, connection: Any, queue: str) -> bool:
        """Whether another message may be put into it."""
        try:
            return bool(self._declared(connection.default_channel, queue).message_count < self._most)
        except connection.channel_errors:  # a queue that is declared otherwise; AMQP has closed the channel
            connection.revive(None)
            return True

    def _declared(self, channel: Any, name: str) -> Any:
        """As Celery declares it; passively it would not be found where Redis's keys have a prefix of our own."""
        of = self._app.amqp.queues[name]
        with effect("declare queue"):
            return channel.queue_declare(
                queue=name,
                durable=of.durable,
                exclusive=of.exclusive,
                auto_delete=of.auto_delete,
                arguments=of.queue_arguments,
            )
