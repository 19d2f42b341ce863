"""Reads the queue from a broker that is a Redis, without kombu's transport, which may lose a message at a crash.

Messages move into the list of a take and are removed from there when the buffer has them. A worker that died leaves
its take behind; once the lease is over, whoever reads gives the messages back to the queue.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import NamedTuple
from uuid import uuid4

import structlog

from worker.intake.broker import Opened, opened
from worker.intake.envelope import message_of
from worker.intake.hand_over import HandOver
from worker.intake.keys import QueueKeys
from worker.intake.noted import restore_noted
from worker.intake.redis_queue import MOST, RedisQueue

log = structlog.get_logger("forwarder.intake")
PAUSE_S = 0.1
RESTORE_EVERY_S = 1.0


class Take(NamedTuple):
    """A take that was asked for and is not ended yet, and the places of its messages that are done."""

    name: str
    done: Sequence[int] = ()


class RedisReader:
    """Moves messages into the buffer, many at a time; one at a time while the buffer refuses, as a trial."""

    def __init__(self, broker_url: str, prefix: str, hand_over: HandOver) -> None:
        self._broker_url = broker_url
        self._keys = QueueKeys(prefix)
        self._hand_over = hand_over
        self._take: Take | None = None
        self._most = MOST
        self._next_restore = 0.0

    def read(self, stopped: threading.Event) -> None:
        """Until `stopped`. Raises what broker and buffer raise; called again it first ends the take it was at."""
        with opened(self._broker_url) as broker:
            queue = RedisQueue(broker.redis, self._keys)
            self._end(queue)
            while not stopped.is_set():
                self._restore(broker, queue)
                if not self._move(broker, queue):
                    stopped.wait(PAUSE_S)

    def _move(self, broker: Opened, queue: RedisQueue) -> bool:
        """One take, from the queue into the buffer; False if nothing waits."""
        if not queue.waits():  # as at nearly every look
            return False
        self._take = Take(uuid4().hex)
        most, self._most = self._most, 1  # until this one is known to have succeeded
        raw = queue.take(self._take.name, most)
        outcome = self._hand_over([message_of(each, broker.channel) for each in raw])
        self._take = self._take._replace(done=outcome.done)
        self._end(queue)
        if outcome.failed:
            raise outcome.failed
        self._most = MOST
        return bool(raw)

    def _end(self, queue: RedisQueue) -> None:
        if self._take:
            queue.end(self._take.name, self._take.done)
            self._take = None

    def _restore(self, broker: Opened, queue: RedisQueue) -> None:
        if time.monotonic() >= self._next_restore:
            self._next_restore = time.monotonic() + RESTORE_EVERY_S
            restored = queue.restore() + restore_noted(broker.redis, self._keys)
            if restored:
                log.info("intake_restored", messages=restored)
