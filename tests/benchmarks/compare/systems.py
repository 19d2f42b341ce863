"""What is compared: how each system is started, and how its users enqueue."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from tests.benchmarks.compare.workloads import WORKLOADS
from tests.unit.imports import ROOT
from worker.connection.client import sync_redis
from worker.stack import parts
from worker.stack.child import Child

PREFIX = "bench"
PEERS = Path(f"{sys.prefix}-peers", "bin", "python")  # beside this environment, as the Makefile has it
CONCURRENCY = 2


class Place(NamedTuple):
    """Where a run happens. `sink`: its address; `ca`: the certificate of its authority, if it speaks TLS.

    `coroutines`: of a process whose callers are such.
    """

    folder: Path
    redis: str
    sink: str
    ca: Path | None
    workload: str
    mode: str
    coroutines: int = 64


class System(NamedTuple):
    """`worker`: starts its workers, and returns when they can work. `ordered`: it promises the order of a session."""

    name: str
    env: Callable[[Place], dict[str, str]]
    shop: Callable[[Place], list[str]]
    worker: Callable[[Place, Mapping[str, str]], list[Child]]
    settings: Callable[[str], dict[str, str]]
    ordered: bool = False
    drained_by: str = "many100"  # the mode in which its queue is filled for a drain

    @property
    def is_there(self) -> bool:
        return self.name == FORWARDER.name or PEERS.exists()


# One slot for each process of the pool, and a linger as short as the run; all else are the defaults.
SETTINGS = {
    "FORWARDER_SHARDS": "2",
    "FORWARDER_LINGER_MS": "100",
    "FORWARDER_ENQUEUE_BUDGET_MS": "5000",  # so that a busy machine ends no run
}


def _trusting(place: Place) -> dict[str, str]:
    return {} if place.ca is None else {"SSL_CERT_FILE": str(place.ca)}


def _forwarder_env(place: Place) -> dict[str, str]:
    hosts = {f"FORWARDER_{name.upper().replace('-', '_')}_URL": place.sink for name in WORKLOADS.values()}
    ours = {"FORWARDER_REDIS_URL": place.redis, "FORWARDER_KEY_PREFIX": PREFIX, "FORWARDER_SANDBOX_URL": place.sink}
    return parts.clean(os.environ, **ours, **hosts, **SETTINGS, **_trusting(place))


def _forwarder_shop(place: Place) -> list[str]:
    mode = FORWARDER.drained_by if place.mode == "drain" else place.mode
    argv = [sys.executable, "-m", "tests.benchmarks.compare.forwarder_shop", place.workload, mode]
    return [*argv, str(place.coroutines)]


def _forwarder_worker(place: Place, env: Mapping[str, str]) -> list[Child]:
    """As in production: task events, logs at their usual level, in a file."""
    child = parts.worker(env, place.folder, ("-c", str(CONCURRENCY)), "worker").start()
    if place.mode != "drain":
        redis = sync_redis(place.redis)
        try:
            parts.wait_for_worker(redis, PREFIX, child)
        finally:
            redis.close()
    return [child]


FORWARDER = System(
    "forwarder",
    _forwarder_env,
    _forwarder_shop,
    _forwarder_worker,
    lambda _workload: dict(SETTINGS),
    ordered=True,
)


def _peer_env(settings: Callable[[str], dict[str, str]]) -> Callable[[Place], dict[str, str]]:
    def env(place: Place) -> dict[str, str]:
        told = {"BENCH_REDIS": place.redis, "BENCH_SINK": place.sink, "BENCH_WORKLOAD": place.workload}
        return parts.clean(os.environ, **told, **settings(place.workload), **_trusting(place), PYTHONPATH=str(ROOT))

    return env


def _peer_shop(system: str, drained_by: str) -> Callable[[Place], list[str]]:
    def shop(place: Place) -> list[str]:
        mode = drained_by if place.mode == "drain" else place.mode
        return [str(PEERS), "-m", "tests.benchmarks.peers.shops", system, mode]

    return shop


def _celery(place: Place, env: Mapping[str, str]) -> list[Child]:
    """Without task events, and with the log level that is Celery's own: it says nothing of a task that succeeds."""
    argv = [str(PEERS), "-m", "celery", "-A", "tests.benchmarks.peers.celery_apps", "worker", "-c", str(CONCURRENCY)]
    return [Child("the worker", argv, env, place.folder / "worker.log").start()]


def _faststream(place: Place, env: Mapping[str, str]) -> list[Child]:
    argv = [str(PEERS), "-m", "tests.benchmarks.peers.faststream_app"]
    logs = [place.folder / f"worker{number}.log" for number in range(CONCURRENCY)]
    return [Child("a worker", argv, env, log).start() for log in logs]


def _peer(
    name: str, worker: Callable[[Place, Mapping[str, str]], list[Child]], settings: dict[str, str], drained_by: str
) -> System:
    def told(_workload: str) -> dict[str, str]:
        return settings

    return System(name, _peer_env(told), _peer_shop(name, drained_by), worker, told, drained_by=drained_by)


TASK_PER_EVENT = _peer("task_per_event", _celery, {"BENCH_PREFETCH": "4"}, "single")
CELERY_BATCHES = _peer(
    "celery_batches", _celery, {"BENCH_BATCH": "800", "BENCH_EVERY_S": "10", "BENCH_PREFETCH": "0"}, "single"
)
FASTSTREAM = _peer("faststream", _faststream, {"BENCH_BATCH": "800"}, "many100")
SYSTEMS = {each.name: each for each in (FORWARDER, TASK_PER_EVENT, CELERY_BATCHES, FASTSTREAM)}
