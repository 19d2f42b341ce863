"""How long an event takes from `enqueue` to the arrival of its request, where little happens."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

from producers import Producer
from producers.destinations.event_api import EVENT_API
from tests.benchmarks.growth.figures import told
from tests.benchmarks.growth.idle import environment, worker_on
from tests.benchmarks.growth.server import started
from tests.benchmarks.growth.sink import Sink, sink
from tests.integration.support import eventually

LINGERS_MS = (1_000, 100, 0)  # the first is the default
A_SECOND, ACCOUNTS = 4, 5
FLOOR_MS = 150


def latency(seconds: float) -> dict[str, Any]:
    """Milliseconds beyond linger: of the first event of each request, which no other made wait."""
    with TemporaryDirectory() as folder, started() as server, sink() as arrivals:
        env = environment(server, FORWARDER_EVENT_API_URL=arrivals.url)
        with worker_on(server, env, Path(folder)):
            by_linger = {linger: _beyond(env, arrivals, linger, seconds) for linger in LINGERS_MS}
    return {
        "events_a_second": A_SECOND,
        "accounts": ACCOUNTS,
        "beyond_linger_ms": told(by_linger[LINGERS_MS[0]], 50, 95),
        "requests": len(by_linger[LINGERS_MS[0]]),
        "floor": FLOOR_MS,
        "by_linger": {str(linger): told(times, 50, 95) for linger, times in by_linger.items()},
    }


def _beyond(env: Mapping[str, str], arrivals: Sink, linger_ms: int, seconds: float) -> list[float]:
    arrivals.arrived.clear()
    began = _enqueued({**env, "FORWARDER_LINGER_MS": str(linger_ms)}, f"{linger_ms}", seconds)
    eventually(lambda: sum(len(ids) for _, ids in arrivals.arrived) >= len(began), 30)
    first = [(at, min(began[event_id] for event_id in ids)) for at, ids in arrivals.arrived]
    return [1_000 * (at - enqueued) - linger_ms for at, enqueued in first]


def _enqueued(env: Mapping[str, str], name: str, seconds: float) -> dict[str, float]:
    """When (monotonic seconds) each event was handed to `enqueue`; at random moments, as customers come."""
    producer, chance, began = Producer.from_env(env), Random(7), dict[str, float]()
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        time.sleep(chance.expovariate(A_SECOND))
        event_id = f"{name}-{len(began)}"
        event = {"clientEventId": event_id, "eventType": "conversion"}
        began[event_id] = time.monotonic()
        producer.enqueue(EVENT_API.name, account=str(50_000 + chance.randrange(ACCOUNTS)), event=event)
    producer.close()
    return began
