"""The producer's door to Redis: one script call, in bounded time, honest about whether it may have arrived."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from redis.exceptions import (
    AuthorizationError,
    BusyLoadingError,
    NoScriptError,
    ReadOnlyError,
    RedisError,
    ResponseError,
)

from producers.errors import EnqueueFailed
from producers.pool import connection_pool
from producers.scripts import Script

_REFUSALS = (ResponseError, BusyLoadingError, AuthorizationError)  # Redis's own word: nothing was changed


class Connection:
    """A pool of connections, made at the first call. Nothing is retried: the caller is a checkout that waits."""

    def __init__(self, url: str) -> None:
        self._pool = connection_pool(url)

    def run(self, script: Script, command: Sequence[str | bytes | int], event_id: str) -> Any:
        """The script's answer. Raises `EnqueueFailed` for `event_id`, within a second or so, if there is none."""
        return self._asked(lambda connection: _evaluate(connection, script, command), event_id, unsure=True)

    def agree(self, key: str, terms: str, event_id: str) -> str:
        """The terms that all producers and workers keep to: those noted under `key`, or these, noted now."""

        def noted(connection: Any) -> Any:
            connection.send_command("SET", key, terms, "NX", "GET")
            return connection.read_response()

        answer = self._asked(noted, event_id, unsure=False)
        return terms if answer is None else bytes(answer).decode()

    def close(self) -> None:
        self._pool.disconnect()

    def _asked(self, question: Callable[[Any], Any], event_id: str, *, unsure: bool) -> Any:
        """`unsure`: whether a lost answer leaves it open if the event was accepted."""
        connection = self._connected(event_id)
        try:
            return question(connection)
        except (RedisError, OSError) as error:
            raise self._failure(connection, error, event_id, unsure=unsure) from error
        except BaseException:
            connection.disconnect()  # its answer is still under way; nobody else may read it
            raise
        finally:
            self._pool.release(connection)

    def _connected(self, event_id: str) -> Any:
        try:
            return self._pool.get_connection()
        except (RedisError, OSError) as error:
            raise EnqueueFailed(f"Redis cannot be reached: {error}", id=event_id, maybe_accepted=False) from error

    def _failure(self, connection: Any, error: Exception, event_id: str, *, unsure: bool) -> EnqueueFailed:
        """What is to be told. A connection is dropped unless its Redis only refused what it was asked."""
        if _read_only(error):  # a failover: the next connection is to the new primary
            connection.disconnect()
            self._pool.disconnect(inuse_connections=False)
            return EnqueueFailed(_REPLICA, id=event_id, maybe_accepted=False)
        if isinstance(error, _REFUSALS):
            return EnqueueFailed(_readable(error), id=event_id, maybe_accepted=False)
        connection.disconnect()
        return EnqueueFailed(f"no answer from Redis: {error}", id=event_id, maybe_accepted=unsure)


def _read_only(error: Exception) -> bool:
    """Whether Redis said that it is a replica; a connection that sentinels manage says so in words of its own."""
    return isinstance(error, ReadOnlyError) or isinstance(error.__context__, ReadOnlyError)


def _evaluate(connection: Any, script: Script, command: Sequence[str | bytes | int]) -> Any:
    connection.send_command("EVALSHA", script.sha, *command)
    try:
        return connection.read_response()
    except NoScriptError:
        connection.send_command("EVAL", script.text, *command)
        return connection.read_response()


def _readable(error: Exception) -> str:
    text = str(error)
    if text.startswith(("OOM", "command not allowed when used memory")):
        return "Redis is out of memory"
    for word, hint in _HINTS.items():
        if text.startswith(word):
            return text.removeprefix(word).strip() + hint
    return f"Redis refused the event: {text}"


_REPLICA = "this Redis is a replica now, after a failover, and takes no events; try again"
_HINTS = {
    "LAYOUT": "; this version of the producer writes another: run the version that fits",
    "FULL": "; the buffer takes more when some of it was delivered",
    "SHARDS": "; FORWARDER_SHARDS must say the same everywhere",
}
