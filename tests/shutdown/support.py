"""What the tests of an end share: workers with options, their children, and a stream of events."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from producers import Producer
from tests.conftest import Environment
from tests.integration.support import ids_of, processes_under, samples
from tests.unit.imports import ROOT
from worker.connection.client import sync_redis
from worker.stack import parts
from worker.stack.child import Child


class Workers:
    """Real Celery workers. With the tests' own remote control commands (`tests/shutdown/controls.py`)."""

    def __init__(self, env: Environment, folder: Path) -> None:
        self._env = env
        self._folder = folder
        self._started: list[Child] = []

    def start(self, *options: str, **variables: str) -> Child:
        """Returns once it works. `options` of Celery's command line."""
        child = self.begin(*options, **variables)
        self.wait(child)
        return child

    def begin(self, *options: str, **variables: str) -> Child:
        env = {**self._env, "PYTHONPATH": str(ROOT), **variables}
        name = f"worker{len(self._started)}"
        ours = ("-c", "2", "-I", "tests.shutdown.controls", *options)
        self._started.append(parts.worker(env, self._folder, ours, name=name).start())
        return self._started[-1]

    def wait(self, child: Child) -> None:
        redis = sync_redis(self._env["FORWARDER_REDIS_URL"])
        parts.wait_for_worker(redis, self._env["FORWARDER_KEY_PREFIX"], child)
        redis.close()

    def kill(self) -> None:
        for child in self._started:
            child.kill()


def children_of(worker: Child) -> set[int]:
    return processes_under(worker.pid) - {worker.pid}


def signalled(pids: Iterable[int], number: signal.Signals) -> None:
    for pid in pids:
        os.kill(pid, number)


def ended_within(worker: Child, number: signal.Signals, seconds: float) -> float:
    """Sends the signal to the main process alone and gives the seconds until its end, which must come in time."""
    began = time.monotonic()
    os.kill(worker.pid, number)
    status = worker.wait(seconds)
    assert status is not None, f"it still runs after {seconds} s: {worker.log_tail()}"
    return time.monotonic() - began


@contextmanager
def stream(env: Environment, accounts: Iterable[str], every_s: float = 0.02) -> Iterator[set[str]]:
    """Enqueues events all the time, in a thread; gives their ids, complete at its end."""
    over, ids = threading.Event(), set[str]()

    def enqueue() -> None:
        with_ids = dict.fromkeys(accounts, 0)
        producer = Producer.from_env(env)
        while not over.wait(every_s):
            for account, first in with_ids.items():
                lines: list[Any] = samples(account, 10, first=first)
                assert all(result.error is None for result in producer.enqueue_many(lines))
                ids.update(ids_of(lines))
                with_ids[account] = first + 10
        producer.close()

    thread = threading.Thread(target=enqueue)
    thread.start()
    try:
        yield ids
    finally:
        over.set()
        thread.join()


def asked(env: Environment, expression: str) -> str:
    """What an expression over the worker's Celery `app` gives, as text, in a process of its own."""
    code = f"from worker.celery import app; print({expression})"
    done = subprocess.run(parts.python("-c", code), env=env, capture_output=True, text=True, check=True, timeout=60)
    return done.stdout.strip()


def messages_waiting(env: Environment, queue: str) -> int:
    """How many messages are in a queue of the broker."""
    declare = f"app.connection_for_read().default_channel.queue_declare({queue!r}, durable=True).message_count"
    return int(asked(env, declare))
