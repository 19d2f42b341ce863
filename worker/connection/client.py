"""Connections of the worker and the CLI to Redis, and the check that it is a Redis that keeps what it is given."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from redis import Redis
from redis.asyncio import Redis as AsyncRedis
from redis.exceptions import RedisError, ResponseError

from producers.errors import ConfigurationError, ForwarderError
from producers.redis_url import secret_free
from worker.connection.pools import async_pool, sync_pool

Answer = TypeVar("Answer")


class RedisUnreachable(ForwarderError):
    """Redis does not answer."""


def async_redis(url: str) -> AsyncRedis:
    """For a worker process. Nothing is retried below the scripts: a claim sent twice would hold two leases."""
    return AsyncRedis.from_pool(async_pool(url))


async def with_redis(url: str, work: Callable[[AsyncRedis], Awaitable[Answer]]) -> Answer:
    """Runs `work` with a connection that is closed afterwards."""
    redis = async_redis(url)
    try:
        return await work(redis)
    finally:
        await redis.aclose()


def sync_redis(url: str, **options: float) -> Redis:
    """For the dispatcher and the CLI. `options`: a `socket_timeout` of its own, in seconds."""
    return Redis.from_pool(sync_pool(url, **options))


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
