"""Commands that are asked again and again as they are, by a worker that has nothing to do.

What redis-py does around a command takes several times as long as the command, and was most of what an idle worker did.
So they are packed once, and a connection is kept for them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from redis import Redis
from redis.exceptions import ResponseError


class Repeated:
    """Of one Redis, in one round trip. For one thread."""

    def __init__(self, redis: Redis, commands: Sequence[Sequence[object]]) -> None:
        self._pool = redis.connection_pool
        self._commands = commands
        self._connection: Any = None
        self._packed: list[bytes] = []

    def ask(self) -> list[Any]:
        """The answer to each command; an error that Redis answered stands in its place.

        Raises `RedisError` and `OSError`.
        """
        if self._connection is None:
            self._connection = self._pool.get_connection()
            self._packed = self._connection.pack_commands(self._commands)
        try:
            self._connection.send_packed_command(self._packed)
            return [self._answer() for _ in self._commands]
        except BaseException:
            self._drop()
            raise

    def _answer(self) -> Any:
        try:
            return self._connection.read_response()
        except ResponseError as error:
            return error

    def _drop(self) -> None:
        """Whoever had it next would read answers that are ours."""
        connection, self._connection = self._connection, None
        connection.disconnect()
        self._pool.release(connection)
