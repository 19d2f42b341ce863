"""A whole forwarder under load on a Redis that gets into trouble, and how long it takes to deliver again."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

from producers import EnqueueFailed, Producer
from tests.integration.support import Forwarder, eventually, running, sample, times_accepted
from tests.support.shop import Shop
from worker.stack.redis_server import EmbeddedRedis

BOUND_S = 10.0  # from Redis's return to the first delivery
PATIENCE = {
    "FORWARDER_TASK_SLICE_S": "1",  # no task outlives the trouble: Celery's own consumer must come back
    "FORWARDER_LEASE_S": "5",
    "FORWARDER_HTTP_TIMEOUT_S": "2",
}
_marks = count()


class Scene(NamedTuple):
    """A forwarder that works under load."""

    forwarder: Forwarder
    shop: Shop
    redis: EmbeddedRedis

    def resumed(self, within_s: float = 60) -> float:
        """Seconds until an event that is enqueued from now on is delivered."""
        began, number = time.monotonic(), next(_marks)
        line = sample("39999", number)
        with contextlib.closing(Producer.from_env(self.forwarder.cli.env)) as producer:
            eventually(lambda: _accepted(producer, line), within_s)
        event_id = line["event"]["clientEventId"]
        eventually(lambda: event_id in times_accepted(self.forwarder.sandbox, "39999"), within_s)
        return time.monotonic() - began

    def settled(self) -> dict[str, Any]:
        """The ledger once nothing is left, which must balance; everything accepted was delivered, once or more."""
        ledger = self.forwarder.cli.drain()
        delivered = times_accepted(self.forwarder.sandbox).keys()
        missing = self.shop.accepted - delivered
        assert not missing, f"{len(missing)} lost: {sorted(missing)[:5]}"
        assert ledger["dead"] == 0
        assert self.forwarder.worker.running, self.forwarder.worker.ending()
        return ledger


@contextmanager
def scene(redis: EmbeddedRedis, folder: Path, url: str = "", **variables: str) -> Iterator[Scene]:
    """`url`: where producers and workers find this Redis, if not at its own address."""
    with running(url or redis.url, folder, **{**PATIENCE, **variables}) as forwarder:
        with Shop(forwarder.cli.env, pause_s=0.02).open() as shop:
            made = Scene(forwarder, shop, redis)
            made.resumed()
            yield made
        made.settled()


def stopped(redis: EmbeddedRedis, seconds: float) -> None:
    """SIGTERM, and its absence."""
    redis.stop()
    time.sleep(seconds)
    redis.restart()


def killed(redis: EmbeddedRedis, seconds: float) -> None:
    """SIGKILL, and its absence."""
    redis.kill()
    time.sleep(seconds)
    redis.restart()


def hung(redis: EmbeddedRedis, seconds: float) -> None:
    """SIGSTOP: connections stay, and nothing is answered."""
    os.kill(redis.pid, signal.SIGSTOP)
    try:
        time.sleep(seconds)
    finally:
        os.kill(redis.pid, signal.SIGCONT)


TROUBLES: dict[str, Callable[[EmbeddedRedis, float], None]] = {"stopped": stopped, "killed": killed, "hung": hung}


def _accepted(producer: Producer, line: dict[str, Any]) -> bool:
    try:
        producer.enqueue("event-api", account=line["account"], event=line["event"])
    except EnqueueFailed:
        return False
    return True
