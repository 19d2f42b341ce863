"""Looks ten times a second which slots have work that is due, and sends a task for each that has none under way."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable
from typing import Any

import structlog
from kombu.exceptions import OperationalError
from redis import Redis
from redis.exceptions import NoScriptError, RedisError

from producers.keys import Slot
from producers.scripts import load
from worker.broker.task_queue import TaskQueues
from worker.connection.client import sync_redis
from worker.connection.repeated import Repeated
from worker.effects import effect
from worker.lifecycle.dispatch_note import NOTE_MS
from worker.lifecycle.heartbeat import HEARTBEAT_EVERY_S, Worker, beat, leave
from worker.lifecycle.pulse import PULSE, Pulse
from worker.lifecycle.start_check import tell
from worker.lifecycle.stopping import STOPPING, Stop
from worker.lifecycle.thread_step import ThreadStep
from worker.metrics.samples import Sampler
from worker.names import replay_name, task_name
from worker.settings import Settings, load_settings

log = structlog.get_logger("forwarder.dispatch")
LOOK_S = 0.1
AWAY_S = 1.0
REPLAYS = 2  # by which the script says that a replay runs


class Dispatcher:
    """Sends tasks for what is due. Without Redis it waits and goes on by itself.

    Its sign of life says that its worker works, so it is given only while the worker's consumer runs, by `pulse`.
    """

    def __init__(
        self, app: Any, settings: Settings, redis: Redis, worker: Worker, pulse: Pulse = PULSE, stop: Stop = STOPPING
    ) -> None:
        self._app = app
        self._redis = redis
        self._worker = worker
        self._pulse = pulse
        self._stop = stop
        self._queues = TaskQueues(app, settings.buffer.shards)
        self._prefix = settings.buffer.key_prefix
        shards = range(settings.buffer.shards)
        self._slots = [Slot(self._prefix, destination, shard) for destination in settings.hosts for shard in shards]
        self._script = load("worker.buffer", "dispatch")
        self._sampler = Sampler(redis, settings.buffer)
        sha = self._script.sha
        calls = [("EVALSHA", sha, len(slot.fixed), *slot.fixed, "", NOTE_MS, 1) for slot in self._slots]
        self._calls = Repeated(redis, calls)
        self._next_beat = 0.0

    def run(self, stopped: threading.Event) -> None:
        """Until `stopped`. Never raises: a dispatcher that ended would stop all delivery in silence."""
        pause = LOOK_S
        while not stopped.wait(pause):
            pause = self._looked()
        with contextlib.suppress(RedisError, OSError):
            leave(self._redis, self._prefix, self._worker)

    def _looked(self) -> float:
        """One look, whatever happens; gives the pause until the next."""
        try:
            self.look()
        except OperationalError as error:
            log.warning("broker_is_away", error=type(error.__cause__ or error).__name__)
        except (RedisError, OSError) as error:
            log.warning("redis_is_away", error=type(error).__name__)
        except Exception:
            log.exception("dispatch_failed")
        else:
            return LOOK_S
        return AWAY_S

    def look(self) -> None:
        """One look at all slots, in one round trip."""
        if self._stop.asked:
            return  # what is due is for the other workers to see
        for slot, due in zip(self._slots, self._due(), strict=True):
            if due:
                name = replay_name if due == REPLAYS else task_name
                self._queues.send(task_name(slot.destination), slot.shard, name(slot.destination))
        if self._pulse.felt and time.monotonic() >= self._next_beat:
            beat(self._redis, self._prefix, self._worker)
            self._sampler.look()
            self._next_beat = time.monotonic() + HEARTBEAT_EVERY_S

    def _due(self) -> list[int]:
        answers = self._asked()
        if any(isinstance(answer, NoScriptError) for answer in answers):
            self._redis.script_load(self._script.text)
            answers = self._asked()
        for answer in answers:
            if isinstance(answer, Exception):
                raise answer
        return [int(answer) for answer in answers]

    def _asked(self) -> list[Any]:
        with effect("dispatch"):
            return self._calls.ask()


class DispatchStep(ThreadStep):
    """Runs a dispatcher."""

    def work(self, worker: Any) -> Callable[[threading.Event], object]:
        settings = load_settings()
        redis = sync_redis(settings.buffer.redis_url)
        tell(settings)
        return Dispatcher(worker.app, settings, redis, Worker.here(os.getpid(), worker.hostname)).run
