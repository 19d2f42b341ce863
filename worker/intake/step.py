"""Runs the intake in a thread of the worker's main process, from its start to its stop."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from typing import Any

from producers import Producer
from worker.connection.client import sync_redis
from worker.intake.hand_over import HandOver
from worker.intake.intake import reader, run
from worker.intake.letters import reject
from worker.lifecycle.thread_step import ThreadStep
from worker.settings import load_settings


class IntakeStep(ThreadStep):
    """Takes events from the queue `forwarder.events` of the broker."""

    def work(self, worker: Any) -> Callable[[threading.Event], object]:  # noqa: ARG002 - the base's signature
        settings = load_settings()
        redis, prefix = sync_redis(settings.buffer.redis_url), settings.buffer.key_prefix
        hand_over = HandOver(Producer.patient(), lambda faulty: reject(redis, prefix, faulty))
        return partial(run, reader(settings.broker_url, prefix, hand_over))
