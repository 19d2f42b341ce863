"""Connections of the worker and the CLI to Redis, and the check that it is a Redis that keeps what it is given."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from redis import Redis
from redis.asyncio import Redis as AsyncRedis
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError
from redis.retry import Retry

from producers.errors import ConfigurationError, ForwarderError
from producers.settings import secret_free

Answer = TypeVar("Answer")
_OPTIONS: dict[str, Any] = {
    "protocol": 2,
    "socket_timeout": 5,
    "socket_connect_timeout": 2,
    "socket_keepalive": True,
    "driver_info": None,
}


class RedisUnreachable(ForwarderError):
    """Redis does not answer."""


def async_redis(url: str) -> AsyncRedis:
    """For a worker process. Nothing is retried below the scripts: a claim sent twice would hold two leases."""
    with _named(url):
        return AsyncRedis.from_url(url, retry=AsyncRetry(NoBackoff(), 0), **_OPTIONS)


async def with_redis(url: str, work: Callable[[AsyncRedis], Awaitable[Answer]]) -> Answer:
    """Runs `work` with a connection that is closed afterwards."""
    redis = async_redis(url)
    try:
        return await work(redis)
    finally:
        await redis.aclose()


def sync_redis(url: str, **options: Any) -> Redis:
    """For the dispatcher and the CLI."""
    with _named(url):
        return Redis.from_url(url, retry=Retry(NoBackoff(), 0), **{**_OPTIONS, **options})


@contextmanager
def _named(url: str) -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        raise ConfigurationError(f"FORWARDER_REDIS_URL: {secret_free(url)!r} is no Redis URL: {error}") from None


def check_keeps_everything(redis: Redis, url: str) -> list[str]:
    """Raises `ConfigurationError` if this Redis evicts keys, `RedisUnreachable` if it does not answer.

    Gives warnings, in words, on what a crash would cost. A server that hides its settings gives none.
    """
    try:
        policy = _setting(redis, "maxmemory-policy")
        appendonly = _setting(redis, "appendonly")
    except RedisError as error:
        raise RedisUnreachable(f"Redis at {secret_free(url)} does not answer: {error}") from None
    if policy not in (None, "noeviction"):
        raise ConfigurationError(
            f"Redis at {secret_free(url)} has maxmemory-policy {policy}: it would throw events away. "
            "Set maxmemory-policy noeviction"
        )
    if appendonly == "no":
        return ["Redis runs without AOF (appendonly no): events that wait are lost when it stops"]
    return []


def _setting(redis: Redis, name: str) -> str | None:
    """A server setting; None where the server (a managed one) does not say."""
    try:
        value = redis.config_get(name).get(name)
    except ResponseError:
        return None
    return value.decode() if isinstance(value, bytes) else value
