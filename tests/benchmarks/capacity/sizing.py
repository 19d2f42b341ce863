"""How much of everything a load needs: the formulas of ops/docs/capacity.md. Pure."""

from __future__ import annotations

from math import ceil
from typing import NamedTuple

from tests.benchmarks.capacity.figures import Figures

HOUR_S = 3_600
MEMORY_SHARE = 0.8  # FORWARDER_MAX_MEMORY_PERCENT: above it nothing more is accepted
INDEX_LASTS = 1.5  # windows at the most that an id is known
LOOKS_A_SECOND = 10  # of a dispatcher
TASK_SLICE_S = 5  # FORWARDER_TASK_SLICE_S
OF_A_CHILD = 4  # connections to Redis of a process of a pool: claims, the note of its task, a token, a replay
POOL = 2  # processes of a worker
SPARE = 2.0  # times the mean number of requests in flight, for latencies that vary


class Load(NamedTuple):
    """What comes. `a_request`: events in it, 0: as many as come within linger, to the cap.

    `a_call`: of `enqueue_many`. `catch_up_hours`: within which the backlog of an outage is to be sent, beside what
    still comes. `busy`: the share of a core that is planned for.
    """

    events_a_second: float = 200
    sessions: bool = False
    accounts: int = 8
    event_bytes: int = 600
    latency_ms: float = 100
    hours: float = 6
    catch_up_hours: float = 6
    a_request: float = 0
    linger_ms: float = 1_000
    cap: int = 100
    a_call: int = 1
    window_hours: float = 24
    record_hours: float = 36
    producers: int = 8
    threads: int = 4
    busy: float = 0.6


class Settings(NamedTuple):
    """The defaults of the worker that bound requests in flight."""

    in_flight: int
    account_in_flight: int


class Needs(NamedTuple):
    """See the page for each. Rates a second; memory and disk in bytes; `worker_cores` None: not measured.

    `of_account`: requests of one account in flight. `redises`: each with its part of the destinations or accounts.
    """

    a_request: float
    requests: float
    in_flight: int
    of_account: int
    redis_share: float
    redises: int
    worker_cores: float | None
    shards: int
    processes: int
    connections: int
    to_rokt: int
    backlog_bytes: float
    index_bytes: float
    record_bytes: float
    maxmemory: float
    machine_bytes: float
    disk_bytes: float
    messages: float


def needs(load: Load, figures: Figures, settings: Settings) -> Needs:
    n = load.a_request or filled(load)
    rate = load.events_a_second * (1 + load.hours / load.catch_up_hours)
    requests = rate / n
    in_flight = ceil(SPARE * requests * load.latency_ms / 1_000)
    redis_us = load.events_a_second * figures.append.of(load.a_call) + rate * figures.drain.of(n)
    cores = None if figures.worker is None else rate * figures.worker.of(n) / 1e6
    shards = max(1, ceil((cores or 0) / load.busy), ceil(in_flight / settings.in_flight))
    backlog, index, records = _memory(load, figures, n)
    used = backlog + index + records
    return Needs(
        a_request=n,
        requests=requests,
        in_flight=in_flight,
        of_account=ceil(in_flight / load.accounts),
        redis_share=redis_us / 1e6,
        redises=ceil(redis_us / 1e6 / load.busy),
        worker_cores=cores,
        shards=shards,
        processes=shards,
        connections=load.producers * load.threads + figures.connections * ceil(shards / POOL) + OF_A_CHILD * shards,
        to_rokt=in_flight,
        backlog_bytes=backlog,
        index_bytes=index,
        record_bytes=records,
        maxmemory=used / MEMORY_SHARE,
        machine_bytes=used / MEMORY_SHARE * max(1.5, figures.heaviest),
        disk_bytes=3 * used * figures.aof_share,
        messages=max(shards / TASK_SLICE_S, min(requests, LOOKS_A_SECOND * shards)),
    )


def filled(load: Load) -> float:
    """Events of a request: those of one account within linger; of a session, four."""
    if load.sessions:
        return 4.0
    return min(load.cap, 1 + load.events_a_second / load.accounts * load.linger_ms / 1_000)


def _memory(load: Load, figures: Figures, n: float) -> tuple[float, float, float]:
    """Bytes of the events that wait after `hours`, of the ids, of the records of what was sent."""
    rate = load.events_a_second * HOUR_S
    backlog = rate * load.hours * load.event_bytes * figures.factor
    ids = rate * load.window_hours * INDEX_LASTS * figures.index_bytes
    records = rate / n * load.record_hours * figures.record_bytes
    return backlog, ids, records
