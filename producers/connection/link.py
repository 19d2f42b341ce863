"""One open connection to Redis, and whether it is known what became of what was sent on it."""

from __future__ import annotations

from typing import Any

from redis.exceptions import ResponseError

from producers.connection.deadline_socket import DeadlineSocket
from producers.connection.resp import packed


class Link:
    """`unanswered`: a whole command has left, and its answer has not come. `place`: where it leads."""

    __slots__ = ("__weakref__", "_connection", "_socket", "place", "unanswered")

    def __init__(self, connection: Any, socket: DeadlineSocket, place: tuple[Any, ...]) -> None:
        self._connection = connection
        self._socket = socket
        self.place = place
        self.unanswered = False

    def until(self, deadline: float) -> None:
        """Everything on it ends by then, in monotonic seconds."""
        self._socket.until = deadline

    def ask(self, *command: str | bytes | int) -> Any:
        """The answer to one command. Raises RedisError or OSError; ResponseError is Redis's own word."""
        self._socket.sendall(packed(command))
        self.unanswered = True
        try:
            answer = self._connection.read_response()
        except ResponseError:
            self.unanswered = False
            raise
        self.unanswered = False
        return answer

    @property
    def stale(self) -> bool:
        """Whether an idle one was closed at the other end, or has something on it that nobody asked for."""
        return self._socket.readable()

    def close(self) -> None:
        self._connection.disconnect()

    def abandon(self) -> None:
        """Closes this process's copy of a socket; the other process, whose it is, goes on with it."""
        self._socket.close()
