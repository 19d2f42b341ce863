"""How many task messages wait at the broker: where nobody takes them, more of them would say nothing new."""

from __future__ import annotations

from typing import Any


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
                waiting = connection.default_channel.queue_declare(queue=queue, passive=True).message_count
            except connection.channel_errors:  # there is none yet, so it is empty; AMQP has closed the channel
                connection.revive(None)
                return True
        return bool(waiting < self._most)
