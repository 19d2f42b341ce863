"""A Redis that is the broker, reached as kombu reaches it: by the same URL, with Sentinel, TLS and sockets of files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from kombu import Connection
from kombu.exceptions import OperationalError
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisAway
from redis.retry import Retry

SCHEMES = ("redis", "sentinel", "valkey", "unix")
OPTIONS = {
    "socket_timeout": 5,
    "socket_connect_timeout": 2,
    "socket_keepalive": True,
    "health_check_interval": 5,
}


class Broker(NamedTuple):
    """An open connection: `redis` for commands, `channel` for what kombu knows of its messages."""

    redis: Redis
    channel: Any


def is_redis(broker_url: str) -> bool:
    return broker_url.startswith(SCHEMES)


@contextmanager
def opened(broker_url: str) -> Iterator[Broker]:
    """Raises `RedisError` if the broker does not answer. No command is sent twice: the caller says what it repeats."""
    url = broker_url.replace("unix://", "redis+socket://", 1)
    with Connection(url, transport_options=OPTIONS) as connection, _channel(connection) as channel:
        redis = Redis(connection_pool=channel.pool)
        redis.set_retry(Retry(NoBackoff(), 0))
        yield Broker(redis, channel)


def _channel(connection: Any) -> Any:
    try:
        return connection.channel()
    except (OperationalError, ValueError) as error:  # the latter where the URL lacks something
        raise RedisAway(str(error)) from error
