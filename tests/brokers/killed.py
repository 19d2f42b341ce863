"""RabbitMQ is killed and started again while events pass through it, as tasks' broker and as the intake's queue."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from tests.brokers.rabbit import SHOP, Rabbit
from tests.brokers.support import Publisher
from tests.integration.support import Forwarder, eventually, ids_of, running, samples, times_accepted

PATIENCE = {"FORWARDER_TASK_SLICE_S": "1"}  # no task outlives the trouble: Celery's own consumer must come back


class Figures(NamedTuple):
    """What a passage came to. `away_s`: from the kill to the first connection; `seconds`: of all of it."""

    events: int
    lost: int
    doubled: int
    republished: int
    kills: int
    away_s: float
    seconds: float
    ledger: dict[str, Any]


@contextmanager
def forwarder_on(rabbit: Rabbit, vhost: str, redis_url: str, folder: Path, **variables: str) -> Iterator[Forwarder]:
    """A whole forwarder whose broker is RabbitMQ, with no more rights than it needs and the usual names of queues."""
    ours = {"FORWARDER_BROKER_URL": rabbit.url(vhost), "FORWARDER_KEY_PREFIX": "forwarder", **PATIENCE, **variables}
    with running(redis_url, folder, **ours) as forwarder:
        yield forwarder


def passage(rabbit: Rabbit, vhost: str, forwarder: Forwarder, account: str, events: int, kills: int = 1) -> Figures:
    """Sends so many events through the queue, and kills RabbitMQ whenever another part of them is confirmed."""
    lines, began = samples(account, events), time.monotonic()
    publisher = Publisher(rabbit.url(vhost, SHOP), "forwarder.events")
    sending = threading.Thread(target=publisher.send, args=(lines,), daemon=True)
    sending.start()
    away = [_killed(rabbit, publisher, (number + 1) * events // (kills + 1)) for number in range(kills)]
    sending.join(timeout=300)
    assert publisher.confirmed == events
    publisher.close()
    wanted = ids_of(lines)
    eventually(lambda: wanted <= times_accepted(forwarder.sandbox, account).keys(), within_s=120)
    ledger = forwarder.cli.drain()
    times = Counter(times_accepted(forwarder.sandbox, account))
    return Figures(
        events=events,
        lost=len(wanted - times.keys()),
        doubled=times.total() - events,
        republished=publisher.republished,
        kills=kills,
        away_s=max(away),
        seconds=time.monotonic() - began,
        ledger=ledger,
    )


def _killed(rabbit: Rabbit, publisher: Publisher, after: int) -> float:
    eventually(lambda: publisher.confirmed >= after, within_s=120)
    rabbit.kill()
    began = time.monotonic()
    rabbit.start()
    return time.monotonic() - began
