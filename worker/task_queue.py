"""How many task messages wait at the broker: where nobody takes them, more of them would say nothing new."""

from __future__ import annotations

from typing import Any

from worker.effects import effect


class TaskQueues:
    """The queues of the tasks. `most`: one message for each slot of a destination says all that there is to say.

    The note in Redis alone does not bound them: it lapses every two seconds, which is right where a message was lost.
    A pause that grows would make just that loss expensive; the length is what it is about, and it is asked for only
    when a message is about to be sent.
    """

    def __init__(self, app: Any, most: int) -> None:
        self._app = app
        self._most = most

    def has_room(self, queue: str) -> bool:
        """Whether another message may be put into it. Raises what the broker's absence raises."""
        with self._app.pool.acquire(block=True) as connection:
            connection.ensure_connection(max_retries=1, timeout=2)
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
