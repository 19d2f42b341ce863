"""The producer's door to Redis: one script call, in bounded time, honest about whether it may have arrived."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from redis import ConnectionPool
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, RedisError, ResponseError
from redis.retry import Retry

from producers.errors import ConfigurationError, EnqueueFailed
from producers.scripts import Script
from producers.settings import secret_free

CONNECT_TIMEOUT_S = 0.4
ANSWER_TIMEOUT_S = 0.5


class Connection:
    """A pool of connections, made at the first call. Nothing is retried: the caller is a checkout that waits."""

    def __init__(self, url: str) -> None:
        try:
            self._pool = ConnectionPool.from_url(
                url,
                protocol=2,
                socket_connect_timeout=CONNECT_TIMEOUT_S,
                socket_timeout=ANSWER_TIMEOUT_S,
                socket_keepalive=True,
                retry=Retry(NoBackoff(), 0),
                driver_info=None,  # else two more commands at each connect
            )
        except ValueError as error:
            raise ConfigurationError(f"FORWARDER_REDIS_URL: {secret_free(url)!r} is no Redis URL: {error}") from None

    def run(self, script: Script, command: Sequence[str | bytes | int], event_id: str) -> Any:
        """The script's answer. Raises `EnqueueFailed` for `event_id`, within a second, if there is none."""
        connection = self._connected(event_id)
        try:
            return _evaluate(connection, script, command)
        except ResponseError as error:  # Redis's own word: the script changed nothing
            raise EnqueueFailed(_readable(error), id=event_id, maybe_accepted=False) from error
        except (RedisError, OSError) as error:
            connection.disconnect()
            raise EnqueueFailed(f"no answer from Redis: {error}", id=event_id, maybe_accepted=True) from error
        except BaseException:
            connection.disconnect()  # its answer is still under way; nobody else may read it
            raise
        finally:
            self._pool.release(connection)

    def agree(self, key: str, terms: str, event_id: str) -> str:
        """The terms that all producers and workers keep to: those noted under `key`, or these, noted now."""
        connection = self._connected(event_id)
        try:
            connection.send_command("SET", key, terms, "NX", "GET")
            noted = connection.read_response()
            return terms if noted is None else bytes(noted).decode()
        except ResponseError as error:
            raise EnqueueFailed(_readable(error), id=event_id, maybe_accepted=False) from error
        except (RedisError, OSError) as error:
            connection.disconnect()
            raise EnqueueFailed(f"Redis cannot be used: {error}", id=event_id, maybe_accepted=False) from error
        finally:
            self._pool.release(connection)

    def close(self) -> None:
        self._pool.disconnect()

    def _connected(self, event_id: str) -> Any:
        try:
            return self._pool.get_connection()
        except (RedisError, OSError) as error:
            raise EnqueueFailed(f"Redis cannot be reached: {error}", id=event_id, maybe_accepted=False) from error


def _evaluate(connection: Any, script: Script, command: Sequence[str | bytes | int]) -> Any:
    connection.send_command("EVALSHA", script.sha, *command)
    try:
        return connection.read_response()
    except NoScriptError:
        connection.send_command("EVAL", script.text, *command)
        return connection.read_response()


def _readable(error: ResponseError) -> str:
    text = str(error)
    if text.startswith(("OOM", "command not allowed when used memory")):
        return "Redis is out of memory"
    for word, hint in _HINTS.items():
        if text.startswith(word):
            return text.removeprefix(word).strip() + hint
    return f"Redis refused the event: {text}"


_HINTS = {
    "LAYOUT": "; this version of the producer writes another: run the version that fits",
    "FULL": "; the buffer takes more when some of it was delivered",
    "SHARDS": "; FORWARDER_SHARDS must say the same everywhere",
}
