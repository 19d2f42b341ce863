"""Runs a reader of the queue for as long as the worker lives."""

from __future__ import annotations

import threading
from typing import Protocol

import structlog
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from producers import EnqueueFailed
from worker.broker.broker import is_redis
from worker.intake.hand_over import HandOver
from worker.intake.kombu_reader import KombuReader
from worker.intake.redis_reader import RedisReader

log = structlog.get_logger("forwarder.intake")
AWAY_S = 1.0


class Reader(Protocol):
    """Reads until `stopped`, or raises what broker and buffer raise."""

    def read(self, stopped: threading.Event) -> None: ...


def reader(broker_url: str, prefix: str, hand_over: HandOver) -> Reader:
    """The one that fits the broker."""
    return (RedisReader if is_redis(broker_url) else KombuReader)(broker_url, prefix, hand_over)


def run(reading: Reader, stopped: threading.Event) -> None:
    """Until `stopped`. A broker or a Redis that is away may come back; no message is forgotten meanwhile."""
    while not stopped.is_set():
        try:
            reading.read(stopped)
        except OperationalError as error:
            log.warning("intake_waits", error=type(error.__cause__ or error).__name__, why=str(error))
        except (RedisError, OSError, EnqueueFailed) as error:
            log.warning("intake_waits", error=type(error).__name__)
        except Exception:
            log.exception("intake_failed")
        stopped.wait(AWAY_S)
