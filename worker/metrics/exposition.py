"""The metrics in Prometheus's text format. Read anew at each scrape, from Redis: an exporter has no memory to lose."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.resources import files
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from redis.asyncio import Redis

from producers.destinations import DESTINATIONS
from producers.settings import BufferSettings
from worker.broker.broker import is_redis
from worker.buffer.tallies import DELIVERY_MS, INF, REQUEST_EVENTS, REQUEST_MS, ROUND_TRIP_MS
from worker.connection.client import async_redis
from worker.intake.keys import QueueKeys
from worker.intake.letters import NAME as INTAKE
from worker.lifecycle.heartbeat import key as heartbeats
from worker.lifecycle.heartbeat import those_alive
from worker.metrics.reading import Reading, ask, by_destination, slots_of
from worker.names import task_name

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
STATES = ("open", "ready", "waiting", "in_flight", "dead")
COUNT = files("worker.intake").joinpath("lua", "count.lua").read_text("utf-8")
Readings = Mapping[str, Reading]


class Scraped:
    """A collector over what was read once."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = list(families)

    def collect(self) -> Iterator[Metric]:
        yield from self._families


async def metrics_text(redis: Redis, buffer: BufferSettings, broker_url: str = "") -> str:
    """All metrics. `broker_url`: whose queues are told, too, if it is a Redis. Raises `RedisError` if Redis is away."""
    started = time.monotonic()
    slots = slots_of(buffer.key_prefix, buffer.shards)
    pipeline: Any = redis.pipeline(transaction=False)
    for slot in slots:
        ask(pipeline, slot, round(time.time() * 1_000))
    pipeline.zrange(heartbeats(buffer.key_prefix), 0, -1, withscores=True)
    pipeline.time()
    pipeline.info("memory")
    *answers, beats, (seconds, _), memory = await pipeline.execute(raise_on_error=False)
    for answer in (*answers, beats):
        if isinstance(answer, Exception):
            raise answer
    readings = by_destination(slots, answers)
    waiting = await _queues(redis, buffer, broker_url) if is_redis(broker_url) else {}
    registry = CollectorRegistry(auto_describe=False)
    parts = (
        *(_counters(readings), _histograms(readings), _gauges(readings), _holds(readings)),
        *(_expiry(readings), _fleet(len(those_alive(beats, seconds)), waiting), _memory(memory)),
        [_gauge("forwarder_scrape_seconds", "How long reading all of this took.", [((), time.monotonic() - started)])],
    )
    registry.register(Scraped(family for part in parts for family in part))
    return generate_latest(registry).decode()


async def _queues(redis: Redis, buffer: BufferSettings, broker_url: str) -> dict[str, int]:
    """How many messages wait in each queue of the broker."""
    own = broker_url != buffer.redis_url
    broker: Any = async_redis(broker_url) if own else redis
    keys = QueueKeys(buffer.key_prefix)
    names = [task_name(name) for name in DESTINATIONS]
    try:
        pipeline = broker.pipeline(transaction=False)
        for name in names:
            pipeline.llen(f"{buffer.key_prefix}:celery:{name}")
        lists = [keys.takes, keys.noted[0], *keys.lists]
        pipeline.eval(COUNT, len(lists), *lists, keys.taken(""))
        *lengths, (waiting, taken) = await pipeline.execute()
    finally:
        if own:
            await broker.aclose()
    return {**dict(zip(names, lengths, strict=True)), f"{buffer.key_prefix}.events": waiting, "taken": taken}


def _counter(name: str, text: str, labels: Sequence[str], values: Iterable[tuple[Sequence[str], float]]) -> Metric:
    family = CounterMetricFamily(name, text, labels=labels)
    for at, value in values:
        family.add_metric(at, value)
    return family


def _gauge(name: str, text: str, values: Iterable[tuple[Sequence[str], float]], labels: Sequence[str] = ()) -> Metric:
    family = GaugeMetricFamily(name, text, labels=labels)
    for at, value in values:
        family.add_metric(at, value)
    return family


def _counters(readings: Readings) -> Iterator[Metric]:
    of = ("destination",)
    for state, text in (
        ("accepted", "Events that were accepted."),
        ("delivered", "Events that were delivered."),
        ("discarded", "Events that were given up: discarded, erased, or withheld without consent."),
    ):
        yield _counter(
            f"forwarder_events_{state}", text, of, (((n,), r.ledger.get(state, 0)) for n, r in readings.items())
        )
    died = (((name,), sum(count for _, count in _of(reading, "died"))) for name, reading in readings.items())
    yield _counter("forwarder_dead_letters", "Events that became dead letters.", of, died)
    yield _counter(
        "forwarder_events_died",
        "Events that became dead letters, by the first code of the reasons; codes beyond a hundred are told as other.",
        (*of, "code"),
        (((name, code), count) for name, reading in readings.items() for code, count in _of(reading, "died")),
    )
    for field, name, text, scale in (
        ("retried", "events_retried", "Events to be sent again, their attempt spent.", 1),
        ("returned", "events_given_back", "Events to be sent again, their attempt given back.", 1),
        ("waits", "rate_waits", "Requests that waited for their place in the rate.", 1),
        ("waited_ms", "rate_wait_seconds", "How long requests waited for their place in the rate.", 1_000),
    ):
        values = (((n,), r.stats.get(field, 0) / scale) for n, r in readings.items() if n != INTAKE)
        yield _counter(f"forwarder_{name}", text, of, values)
    yield _counter(
        "forwarder_requests",
        "Requests to Rokt, by the status of their answer; 0 where none came.",
        (*of, "status"),
        (((name, status), count) for name, r in readings.items() for status, count in _statuses(r).items()),
    )
    yield _counter(
        "forwarder_settlements_too_late",
        "Attempts that ended after their lease: another worker had the batch.",
        of,
        (((name,), reading.too_late) for name, reading in readings.items() if name != INTAKE),
    )


def _histograms(readings: Readings) -> Iterator[Metric]:
    of = ("destination",)
    took = HistogramMetricFamily("forwarder_request_duration_seconds", "How long requests to Rokt took.", labels=of)
    fill = HistogramMetricFamily("forwarder_request_events", "How many events were in a request to Rokt.", labels=of)
    late = HistogramMetricFamily(
        "forwarder_event_delivery_seconds",
        "How long delivered events had waited since their batch was opened.",
        labels=of,
    )
    trips = HistogramMetricFamily(
        "forwarder_redis_round_trip_seconds",
        "How long the scripts that settle and claim, and the reading of batches, took, as a worker sees it.",
        labels=(*of, "call"),
    )
    for name, reading in readings.items():
        if name == INTAKE:
            continue
        stats = reading.stats
        took.add_metric((name,), _buckets(_requests(reading, 1), REQUEST_MS, 1_000), stats.get("request_ms", 0) / 1_000)
        fill.add_metric((name,), _buckets(_requests(reading, 2), REQUEST_EVENTS), stats.get("request_events", 0))
        waited = _buckets(dict(_of(reading, "delivery")), DELIVERY_MS, 1_000)
        late.add_metric((name,), waited, stats.get("delivery_ms", 0) / 1_000)
        for call in ("claim", "read"):
            counts = dict(_of(reading, f"trip_{call}"))
            trips.add_metric(
                (name, call), _buckets(counts, ROUND_TRIP_MS, 1_000), stats.get(f"trip_{call}_us", 0) / 1_000_000
            )
    yield from (took, fill, late, trips)


def _gauges(readings: Readings) -> Iterator[Metric]:
    of = ("destination",)
    yield _gauge(
        "forwarder_events",
        "Events by where they are now.",
        (((name, state), reading.ledger.get(state, 0)) for name, reading in readings.items() for state in STATES),
        (*of, "state"),
    )
    delivering = {name: reading for name, reading in readings.items() if name != INTAKE}
    for name, text, value in (
        (
            "oldest_event_age_seconds",
            "Since the oldest unsettled batch was opened; 0: there is none.",
            "age_s",
        ),
        ("requests_in_flight", "Batches that a worker has a lease for.", "requests"),
        ("destination_paused", "Whether the destination is paused.", "paused"),
    ):
        values = (((n,), float(getattr(reading, value) or 0)) for n, reading in delivering.items())
        yield _gauge(f"forwarder_{name}", text, values, of)
    yield _gauge(
        "forwarder_circuit_open",
        "1 while the circuit of a destination is open, 0.5 while a probe decides, 0 while it is closed.",
        (((n,), {"closed": 0, "half-open": 0.5, "open": 1}[r.circuit]) for n, r in delivering.items()),
        of,
    )


def _holds(readings: Readings) -> Iterator[Metric]:
    delivering = [(name, reading) for name, reading in readings.items() if name != INTAKE]
    counts = [((name, kind), float(getattr(r, kind))) for name, r in delivering for kind in ("lasting", "limited")]
    yield _gauge(
        "forwarder_accounts_held",
        "Accounts that nothing is sent of: lasting (parked or paused, until resumed) or limited (for a time).",
        counts,
        ("destination", "kind"),
    )
    yield _gauge(
        "forwarder_account_held",
        "1 for an account that is held; a hundred of a destination at most, those that are parked or paused first.",
        (((name, account), 1.0) for name, reading in delivering for account in dict.fromkeys(reading.held)),
        ("destination", "account"),
    )


def _expiry(readings: Readings) -> Iterator[Metric]:
    for name, text, field in (
        ("expiring_batches", "Batches with events that Rokt refuses as too old within twelve hours.", "expiring"),
        ("expiring_dead_letters", "Dead letters that Rokt refuses as too old within twelve hours.", "expiring_letters"),
        ("expired_dead_letters", "Dead letters that are too old to be sent again.", "expired_letters"),
    ):
        values = (((n,), float(getattr(r, field))) for n, r in readings.items() if n != INTAKE)
        yield _gauge(f"forwarder_{name}", text, values, ("destination",))


def _fleet(workers: int, waiting: Mapping[str, int]) -> Iterator[Metric]:
    yield _gauge("forwarder_workers", "Workers whose consumer runs and that looked for work just now.", [((), workers)])
    if waiting:
        queues = [((name,), float(count)) for name, count in waiting.items() if name != "taken"]
        yield _gauge("forwarder_queue_messages", "Messages that wait in a queue of the broker.", queues, ("queue",))
        taken = [((), float(waiting["taken"]))]
        yield _gauge("forwarder_intake_taken_messages", "Messages of the intake that a worker has taken.", taken)


def _memory(told: Any) -> Iterator[Metric]:
    """A user of Redis may not be allowed to ask."""
    if isinstance(told, Mapping):
        yield _gauge("forwarder_redis_memory_used_bytes", "Memory that Redis uses.", [((), told["used_memory"])])
        yield _gauge("forwarder_redis_memory_max_bytes", "Its maxmemory; 0: none.", [((), told.get("maxmemory", 0))])


def _of(reading: Reading, kind: str) -> Iterator[tuple[str, int]]:
    """What was counted of a kind: what is behind its colon, and how often."""
    start = f"{kind}:"
    return ((field[len(start) :], count) for field, count in reading.stats.items() if field.startswith(start))


def _requests(reading: Reading, place: int) -> Counter[str]:
    """Requests by one of their three sides: status, how long, how many events."""
    found: Counter[str] = Counter()
    for field, count in _of(reading, "request"):
        found[field.split(":")[place]] += count
    return found


def _statuses(reading: Reading) -> Counter[str]:
    return _requests(reading, 0)


def _buckets(counts: Mapping[str, int], bounds: Sequence[int], scale: int = 1) -> list[tuple[str, float]]:
    """Cumulative, as Prometheus wants them."""
    found, seen = [], 0
    for bound in bounds:
        seen += counts.get(str(bound), 0)
        found.append((f"{bound / scale:g}" if scale > 1 else str(bound), float(seen)))
    return [*found, ("+Inf", float(seen + counts.get(INF, 0)))]
