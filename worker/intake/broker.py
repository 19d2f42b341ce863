"""A Redis that is the broker, reached as kombu reaches it: by the same URL, with Sentinel, TLS and sockets of files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from kombu.exceptions import OperationalError
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisAway
from redis.retry import Retry

from worker.broker.broker import broker
from worker.broker.connection import BrokerConnection


class Opened(NamedTuple):
    """An open connection: `redis` for commands, `channel` for what kombu knows of its messages."""

    redis: Redis
    channel: Any


@contextmanager
def opened(broker_url: str) -> Iterator[Opened]:
    """Raises `RedisError` if the broker does not answer. No command is sent twice: the caller says what it repeats."""
    with BrokerConnection(**broker(broker_url)._asdict()) as connection, _channel(connection) as channel:
        redis = Redis(connection_pool=channel.pool)
        redis.set_retry(Retry(NoBackoff(), 0))
        yield Opened(redis, channel)


def _channel(connection: Any) -> Any:
    try:
        connection.ensure_connection(max_retries=0)  # else kombu tries once more, a second later
        return connection.channel()
    except (OperationalError, ValueError) as error:  # the latter where the URL lacks something
        raise RedisAway(str(error)) from error
