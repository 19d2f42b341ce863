"""What was counted over the last day, a sample every fifteen seconds: for charts where there is no Prometheus."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import msgspec
from redis import Redis

from producers.settings import BufferSettings
from worker.buffer.tallies import INF, REQUEST_MS
from worker.effects import effect
from worker.metrics.reading import Reading, ask, by_destination, slots_of

EVERY_S = 15
KEPT = 24 * 3_600 // EVERY_S
MOST_POINTS = 500
WAITING = ("open", "ready", "waiting", "in_flight")


class Point(NamedTuple):
    """Of one destination, between two samples. `at`: the end (ms); rates a second; p50 and p95 of a request in seconds.

    They are the upper bounds of the buckets that they fall into, None where no request ended. `waiting`, `dead`,
    `oldest_s`: at that moment.
    """

    at: int
    accepted: float
    delivered: float
    died: float
    requests: float
    failed: float
    p50_s: float | None
    p95_s: float | None
    waiting: int
    dead: int
    oldest_s: int


class Sampler:
    """Takes samples for the whole fleet: of all workers one does, each time."""

    def __init__(self, redis: Redis, buffer: BufferSettings) -> None:
        self._redis: Any = redis
        self._prefix = buffer.key_prefix
        self._slots = slots_of(buffer.key_prefix, buffer.shards)
        self._next = 0.0

    def look(self) -> None:
        """Takes a sample if it is time and nobody else did."""
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + EVERY_S
        with effect("sample"):
            if not self._redis.set(f"{self._prefix}:sampled", 1, nx=True, px=EVERY_S * 1_000 - 500):
                return
            data = msgspec.json.encode(self._sample())
            self._redis.xadd(key(self._prefix), {"data": data}, maxlen=KEPT, approximate=True)

    def _sample(self) -> dict[str, dict[str, Any]]:
        pipeline = self._redis.pipeline(transaction=False)
        for slot in self._slots:
            ask(pipeline, slot, round(time.time() * 1_000))
        readings = by_destination(self._slots, pipeline.execute())
        return {name: _sampled(reading) for name, reading in readings.items()}


def key(prefix: str) -> str:
    """A stream of samples, the newest of a day."""
    return f"{prefix}:samples"


async def series(redis: Any, buffer: BufferSettings, since: int, step_ms: int) -> dict[str, list[Point]]:
    """For each destination the points from `since` (ms) on, one a step, at most 500 of them."""
    seconds, _ = await redis.time()
    until = seconds * 1_000
    step = max(step_ms, EVERY_S * 1_000, (until - since) // MOST_POINTS)
    pipeline = redis.pipeline(transaction=False)
    for start in range(since, until + 1, step):
        pipeline.xrange(key(buffer.key_prefix), start, "+", 1)
    pipeline.xrevrange(key(buffer.key_prefix), "+", since, 1)
    found = {entry: fields for entries in await pipeline.execute() for entry, fields in entries}
    samples = [(int(entry.partition(b"-")[0]), msgspec.json.decode(fields[b"data"])) for entry, fields in found.items()]
    samples.sort(key=lambda each: each[0])
    names = dict.fromkeys(name for _, sample in samples for name in sample)
    return {name: list(_points([(at, sample[name]) for at, sample in samples if name in sample])) for name in names}


def _sampled(of: Reading) -> dict[str, Any]:
    """Few letters, since there are thousands of them: cumulative counts, and how it stands."""
    requests: Counter[str] = Counter()
    failed = 0
    for field, count in of.stats.items():
        name, _, rest = field.partition(":")
        if name == "request":
            status, bound, _ = rest.split(":")
            requests[bound] += count
            failed += 0 if status[:1] == "2" else count
    died = sum(count for field, count in of.stats.items() if field.startswith("died:"))
    waiting = sum(of.ledger.get(state, 0) for state in WAITING)
    return {
        "c": [of.ledger.get("accepted", 0), of.ledger.get("delivered", 0), died, sum(requests.values()), failed],
        "l": requests,
        "g": [waiting, of.ledger.get("dead", 0), of.age_s or 0],
    }


def _points(samples: Sequence[tuple[int, Mapping[str, Any]]]) -> Iterator[Point]:
    for (before, old), (at, new) in pairwise(samples):
        seconds = max(0.001, (at - before) / 1_000)
        rates = [max(0, count - was) / seconds for count, was in zip(new["c"], old["c"], strict=True)]
        buckets = {bound: count - old["l"].get(bound, 0) for bound, count in new["l"].items()}
        accepted, delivered, died, requests, failed = rates
        waiting, dead, oldest_s = new["g"]
        shares = _share(buckets, 0.5), _share(buckets, 0.95)
        yield Point(at, accepted, delivered, died, requests, failed, *shares, waiting, dead, oldest_s)


def _share(buckets: Mapping[str, int], share: float) -> float | None:
    """The bound in seconds below which this share of the requests were; of those above all, the last bound."""
    wanted, seen = share * sum(buckets.values()), 0
    for bound in (*map(str, REQUEST_MS), INF):
        seen += buckets.get(bound, 0)
        if seen >= wanted > 0:
            return (REQUEST_MS[-1] if bound == INF else int(bound)) / 1_000
    return None
