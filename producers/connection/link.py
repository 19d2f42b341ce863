"""One open connection to Redis, and whether it is known what became of what was sent on it."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from itertools import accumulate
from typing import Any

from redis.exceptions import RedisError

from producers.connection.deadline_socket import DeadlineSocket
from producers.connection.replies import Replies
from producers.connection.resp import Word, packed


class Silence(Enum):
    """No answer: the whole command has left and may have been executed, or it has not and surely was not."""

    SENT = True
    UNSENT = False


class Link:
    """`place`: where it leads."""

    __slots__ = ("__weakref__", "_connection", "_replies", "_socket", "place")

    def __init__(self, connection: Any, socket: DeadlineSocket, place: tuple[Any, ...]) -> None:
        self._connection = connection
        self._socket = socket
        self._replies = Replies(socket)
        self.place = place

    def until(self, deadline: float) -> None:
        """Everything on it ends by then, in monotonic seconds."""
        self._socket.until = deadline

    def exchange(self, commands: Sequence[bytes]) -> tuple[list[Any], Exception | None]:
        """The answers to commands that leave in one write, in their order: Redis's errors and `Silence` among them.

        And what broke the connection, if something did: there is silence from then on.
        """
        try:
            self._socket.sendall(commands[0] if len(commands) == 1 else b"".join(commands))
        except (RedisError, OSError) as error:
            ends, left = accumulate(map(len, commands)), self._socket.sent
            return [Silence(end <= left) for end in ends], error
        answers: list[Any] = []
        try:
            answers.extend(self._replies.next() for _ in commands)  # as far as they come
        except (RedisError, OSError) as error:
            return answers + [Silence.SENT] * (len(commands) - len(answers)), error
        return answers, None

    def ask(self, *command: Word) -> tuple[list[Any], Exception | None]:
        """The same for one command."""
        return self.exchange([packed(command)])

    @property
    def stale(self) -> bool:
        """Whether an idle one was closed at the other end, or has something on it that nobody asked for."""
        return self._socket.readable()

    def close(self) -> None:
        self._connection.disconnect()

    def abandon(self) -> None:
        """Closes this process's copy of a socket; the other process, whose it is, goes on with it."""
        self._socket.close()
