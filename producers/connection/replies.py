"""How Redis answers. Source: the Redis serialization protocol, RESP 2.

The answers of a producer's commands are short. Read here they cost a tenth of what redis-py's layers
around a parser do.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from redis._parsers.base import BaseParser
from redis.exceptions import ConnectionError as Disconnected
from redis.exceptions import InvalidResponse

from producers.connection.deadline_socket import DeadlineSocket

READ_BYTES = 65_536
_PARSER: Any = BaseParser  # untyped
_INTEGER, _TEXT, _ERROR, _BYTES, _ARRAY = b":+-$*"


class _BrokenOff(Exception):
    """More of the answer is to come."""


class Replies:
    """The answers on a connection, one after the other."""

    __slots__ = ("_read", "_socket")

    def __init__(self, socket: DeadlineSocket) -> None:
        self._socket = socket
        self._read = b""  # and belongs to answers that were not asked for yet

    def next(self, *, waits: bool = True) -> Any:
        """An integer, bytes, None, a list of these, or an exception: Redis's own word. Raises RedisError or OSError.

        One that has not come in full raises one of `NOT_NOW`, unless it `waits`; what there is of it is kept.
        """
        more = self._socket.recv if waits else self._socket.recv_now
        data = self._read or _some(more)
        while True:
            try:
                answer, end = _parsed(data, 0)
            except _BrokenOff:
                self._read = data
                data += _some(more)
            else:
                self._read = data[end:]
                return answer


def _some(more: Callable[[int], bytes]) -> bytes:
    data = more(READ_BYTES)
    if not data:
        raise Disconnected("Connection closed by server.")
    return data


def _parsed(data: bytes, at: int) -> tuple[Any, int]:
    """The answer that begins at a place, and where the next one does."""
    end = data.find(b"\r\n", at)
    if end < 0:
        raise _BrokenOff
    kind, text = data[at], data[at + 1 : end]
    end += 2
    if kind == _INTEGER:
        return int(text), end
    if kind == _BYTES:
        return _bytes(data, end, int(text))
    if kind == _ARRAY:
        return _array(data, end, int(text))
    if kind == _ERROR:
        return _PARSER.parse_error(text.decode(errors="replace")), end
    if kind == _TEXT:
        return text, end
    raise InvalidResponse(f"Protocol Error: {text[:100]!r}")


def _bytes(data: bytes, at: int, size: int) -> tuple[bytes | None, int]:
    if size < 0:
        return None, at
    end = at + size + 2
    if len(data) < end:
        raise _BrokenOff
    return data[at : end - 2], end


def _array(data: bytes, at: int, items: int) -> tuple[list[Any] | None, int]:
    found = []
    for _ in range(items):
        item, at = _parsed(data, at)
        found.append(item)
    return (found if items >= 0 else None), at
