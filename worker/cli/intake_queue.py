"""The queue `<prefix>.events` as `status` and `drain` see it. Only a broker that is a Redis is asked."""

from __future__ import annotations

from collections.abc import Mapping

from redis.exceptions import RedisError

from producers.settings import BufferSettings
from worker.broker.broker import is_redis
from worker.connection.client import sync_redis
from worker.intake.broker import opened
from worker.intake.keys import QueueKeys
from worker.intake.letters import slot
from worker.intake.redis_queue import Counts, RedisQueue
from worker.settings import broker_url


class IntakeQueue:
    """What waits there, as of the last look."""

    def __init__(self, environ: Mapping[str, str], buffer: BufferSettings) -> None:
        self._broker_url = broker_url(environ, buffer)
        self._buffer = buffer
        self._counts = Counts(0, 0)

    def look(self) -> None:
        """Asks the broker, if it is a Redis. Raises `RedisError` if it does not answer."""
        if is_redis(self._broker_url):
            with opened(self._broker_url) as broker:
                self._counts = RedisQueue(broker.redis, QueueKeys(self._buffer.key_prefix)).count()

    @property
    def left(self) -> int:
        """How many messages are not handed over yet."""
        return sum(self._counts)

    def remains(self) -> list[str]:
        """What is left, in words."""
        return [f"intake: {self.left} waiting"] if self.left else []

    def line(self) -> str:
        """For a person: what the queue holds, and how many dead letters there are of the intake."""
        dead = f"{self._dead():,} dead letters"
        if not is_redis(self._broker_url):
            return f"intake: {dead}"
        try:
            self.look()
        except RedisError:
            return f"intake: the broker does not answer; {dead}"
        return f"intake: {self._counts.waiting:,} waiting in the queue, {self._counts.taken:,} taken, {dead}"

    def _dead(self) -> int:
        redis = sync_redis(self._buffer.redis_url)
        try:
            found = redis.hget(slot(self._buffer.key_prefix).key("ledger"), "dead")
        finally:
            redis.close()
        return int(found or 0)
