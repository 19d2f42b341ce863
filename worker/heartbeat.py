"""A sign of life of each dispatcher, in Redis: cheap to write and to ask for."""

from __future__ import annotations

from typing import cast

from redis import Redis

HEARTBEAT_EVERY_S = 1.0
HEARTBEAT_LASTS_S = 5


def beat(redis: Redis, prefix: str, name: str) -> None:
    """Says that the dispatcher called `name` looked just now, and forgets those that are long gone."""
    seconds, _ = redis.time()
    redis.zadd(_key(prefix), {name: seconds})
    redis.zremrangebyscore(_key(prefix), "-inf", seconds - 3_600)


def leave(redis: Redis, prefix: str, name: str) -> None:
    """Says that this dispatcher ended in order."""
    redis.zrem(_key(prefix), name)


def alive(redis: Redis, prefix: str) -> list[str]:
    """The names of the dispatchers that looked within the last seconds."""
    seconds, _ = redis.time()
    names = cast("list[bytes]", redis.zrangebyscore(_key(prefix), seconds - HEARTBEAT_LASTS_S, "+inf"))
    return [name.decode() for name in names]


def _key(prefix: str) -> str:
    return f"{prefix}:heartbeats"
