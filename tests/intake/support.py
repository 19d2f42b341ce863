"""What the tests of the intake share: lines, a queue as producers with kombu see it, and what lies in the buffer."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from kombu import Connection
from redis import Redis

from producers import Producer
from producers.keys import Slot
from producers.stored_event import decode
from worker.intake import intake as running
from worker.intake.hand_over import HandOver
from worker.intake.keys import QueueKeys
from worker.intake.letters import reject
from worker.intake.redis_queue import RedisQueue


def line(event_id: str, **event: Any) -> dict[str, Any]:
    whole = {"clientEventId": event_id, "eventType": "conversion", **event}
    return {"destination": "event-api", "account": "1", "event": whole}


def names(count: int, first: int = 0) -> list[str]:
    return [f"e{number}" for number in range(first, first + count)]


class Shop:
    """Any code that has kombu: bodies as they are, texts as they stand; or, with `push`, any code without it."""

    def __init__(self, redis_url: str, prefix: str) -> None:
        self.redis = Redis.from_url(redis_url)
        self.keys = QueueKeys(prefix)
        self.queue = RedisQueue(self.redis, self.keys)
        self._connection = Connection(redis_url)
        self._queue = self._connection.SimpleQueue(self.keys.lists[0])

    def send(self, *bodies: Any, **options: Any) -> None:
        for body in bodies:
            raw = {"content_type": "application/data", "content_encoding": "binary"} if isinstance(body, bytes) else {}
            self._queue.put(body, **{**raw, **options})

    def push(self, *raw: bytes) -> None:
        self.redis.lpush(self.keys.lists[0], *raw)

    def lapse(self) -> None:
        """As if the time of all leases had passed."""
        takes: Any = self.redis.zrange(self.keys.takes, 0, -1)
        for take in takes:
            self.redis.zadd(self.keys.takes, {take: 1}, xx=True)

    def close(self) -> None:
        self._queue.close()
        self._connection.close()
        self.redis.close()


class Buffer:
    """What lies in the buffer, in a forwarder whose worker does not send."""

    def __init__(self, redis: Redis, prefix: str) -> None:
        self._redis: Any = redis
        self._prefix = prefix

    def ids(self) -> list[str]:
        """Of all events of `event-api`, in the order in which they came."""
        base = Slot(self._prefix, "event-api", 0).key("events", "")
        keys = sorted(self._redis.scan_iter(match=f"{base}*"), key=lambda key: int(key[len(base) + 1 :].split(b"-")[0]))
        stored = [event for key in keys for event in self._redis.lrange(key, 0, -1)]
        return [json.loads(decode(event).payload)["clientEventId"] for event in stored]

    def letters(self) -> list[tuple[bytes, str]]:
        """The dead letters of the intake: what came, and the fault."""
        slot = Slot(self._prefix, "intake", 0)
        numbers = [number.decode() for number in self._redis.zrange(slot.key("dead"), 0, -1)]
        events = [decode(self._redis.hget(slot.key("letter", number), "event")) for number in numbers]
        return [(event.payload, event.history[-1]["reasons"][0]["message"]) for event in events]


def hand_over(env: Mapping[str, str]) -> HandOver:
    """Into the buffer of the environment, as a worker has it."""
    redis, prefix = Redis.from_url(env["FORWARDER_REDIS_URL"]), env["FORWARDER_KEY_PREFIX"]
    return HandOver(Producer.from_env(env), lambda faulty: reject(redis, prefix, faulty))


def intake(env: Mapping[str, str]) -> running.Reader:
    """A reader as a worker has it."""
    return running.reader(env["FORWARDER_REDIS_URL"], env["FORWARDER_KEY_PREFIX"], hand_over(env))


@contextmanager
def reading(env: Mapping[str, str], reader: running.Reader | None = None) -> Iterator[None]:
    """The intake of a worker, or this reader, in a thread of this process."""
    stopped = threading.Event()
    thread = threading.Thread(target=running.run, args=(reader or intake(env), stopped), daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join(timeout=20)
    assert not thread.is_alive()
