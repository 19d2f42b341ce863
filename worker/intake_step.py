"""Runs the intake in a thread of the worker's main process, from its start to its stop."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from producers import Producer
from worker.intake import Intake
from worker.intake_letters import reject
from worker.redis_client import sync_redis
from worker.settings import load_settings
from worker.thread_step import ThreadStep


class IntakeStep(ThreadStep):
    """Takes events from the queue `forwarder.events` of the broker."""

    def work(self, worker: Any) -> Callable[[threading.Event], object]:  # noqa: ARG002 - the base's signature
        settings = load_settings()
        redis, prefix = sync_redis(settings.buffer.redis_url), settings.buffer.key_prefix
        return Intake(
            settings.broker_url, prefix, Producer.from_env(), lambda faulty: reject(redis, prefix, faulty)
        ).run
