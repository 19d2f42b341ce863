"""A sign of life of each worker, in Redis: cheap to write and to ask for."""

from __future__ import annotations

import socket
from typing import Any, NamedTuple, cast

from redis import Redis

from worker.effects import effect

HEARTBEAT_EVERY_S = 1.0
HEARTBEAT_LASTS_S = 5
_ON = " on "


class Worker(NamedTuple):
    """A worker: its process id, the name that Celery gives it, and the machine or container it runs on."""

    pid: int
    node: str
    host: str

    @classmethod
    def here(cls, pid: int, node: str) -> Worker:
        return cls(pid, node, socket.gethostname())

    @classmethod
    def of(cls, text: str) -> Worker:
        """From what `str` gives; of a text without a host, one on no host."""
        name, _, host = text.partition(_ON)
        pid, _, node = name.partition(" ")
        return cls(int(pid) if pid.isdecimal() else 0, node, host)

    def __str__(self) -> str:
        return f"{self.pid} {self.node}{_ON}{self.host}"


def beat(redis: Redis, prefix: str, worker: Worker) -> None:
    """Says that this worker looked for work just now, and forgets those that are long gone."""
    seconds, _ = redis.time()
    with effect("beat"):
        redis.zadd(key(prefix), {str(worker): seconds})
        redis.zremrangebyscore(key(prefix), "-inf", seconds - 3_600)


def leave(redis: Redis, prefix: str, worker: Worker) -> None:
    """Says that this worker ended in order."""
    with effect("leave"):
        redis.zrem(key(prefix), str(worker))


def alive(redis: Redis, prefix: str) -> list[Worker]:
    """The workers that looked for work within the last seconds."""
    seconds, _ = redis.time()
    found = cast("list[tuple[bytes, float]]", redis.zrange(key(prefix), 0, -1, withscores=True))
    return those_alive(found, seconds)


def those_alive(beats: list[Any], seconds: int) -> list[Worker]:
    """Of all workers with the times (s) of their last beats those that are alive at this time."""
    return [Worker.of(name.decode()) for name, at in beats if at >= seconds - HEARTBEAT_LASTS_S]


def key(prefix: str) -> str:
    """A sorted set: worker -> when it last looked, in seconds of Redis's clock."""
    return f"{prefix}:heartbeats"
