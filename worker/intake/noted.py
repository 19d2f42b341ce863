"""What kombu's transport had noted as unacknowledged, before the queue had a reader of its own, goes back to it."""

from __future__ import annotations

from typing import Any

from kombu.utils.json import dumps, loads
from redis import Redis

from worker.effects import effect
from worker.intake.keys import QueueKeys
from worker.intake.redis_queue import script

NOTED_S = 30  # a worker of the earlier version may be at it for that long


def restore_noted(redis: Redis, keys: QueueKeys) -> int:
    """Gives back what nobody acknowledged in time, oldest in front. Gives how many messages. Raises `RedisError`."""
    seconds, _ = redis.time()
    unacked, index = keys.noted
    tags: Any = redis.zrevrangebyscore(index, seconds - NOTED_S, "-inf")
    give_back = script(redis, "restore_noted")
    restored = 0
    for tag in tags:
        noted: Any = redis.hget(unacked, tag)
        with effect("restore noted"):
            restored += int(give_back([unacked, index, keys.lists[0]], [tag, _message(noted or b"")]))
    return restored


def _message(noted: bytes) -> bytes | str:
    """The envelope of a message that was noted with its exchange and routing key; what is none, as it is."""
    try:
        return str(dumps(loads(noted, object_hook=None)[0]))
    except (ValueError, TypeError, LookupError, RecursionError):
        return noted
