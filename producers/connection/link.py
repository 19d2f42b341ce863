"""One open connection to Redis."""

from __future__ import annotations

from typing import Any

from producers.connection.deadline_socket import DeadlineSocket
from producers.connection.replies import Replies


class Link:
    """`place`: where it leads. What it does raises RedisError or OSError, by the deadline that was set last."""

    __slots__ = ("__weakref__", "_connection", "_replies", "_socket", "place")

    def __init__(self, connection: Any, socket: DeadlineSocket, place: tuple[Any, ...]) -> None:
        self._connection = connection
        self._socket = socket
        self._replies = Replies(socket)
        self.place = place

    def until(self, deadline: float) -> None:
        """Everything on it ends by then, in monotonic seconds."""
        self._socket.until = deadline

    def write(self, data: bytes, *, waits: bool) -> None:
        """All of it, or what goes without waiting. `left` says how much that was, even if it raises."""
        if waits:
            self._socket.sendall(data)
        else:
            self._socket.send(data)

    @property
    def left(self) -> int:
        """Bytes of the last write that have left."""
        return self._socket.sent

    def answer(self, *, waits: bool) -> Any:
        """As `Replies.next`."""
        return self._replies.next(waits=waits)

    @property
    def stale(self) -> bool:
        """Whether an idle one was closed at the other end, or has something on it that nobody asked for."""
        return self._socket.readable()

    def fileno(self) -> int:
        return self._socket.fileno()

    def close(self) -> None:
        self._connection.disconnect()

    def abandon(self) -> None:
        """Closes this process's copy of a socket; the other process, whose it is, goes on with it."""
        self._socket.close()
