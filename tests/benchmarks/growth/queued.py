"""What append, claim and settle cost Redis with more and more events queued.

A small queue, in a Redis of its own, takes turns with the large one, so that whatever else the machine does meets both.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from statistics import median
from typing import Any, NamedTuple

from tests.benchmarks.growth.events import MEAN_BYTES, W1, W2, Workload
from tests.benchmarks.growth.queue import DAY_S, FLOOR_OF, Costs, Queue
from tests.benchmarks.growth.server import started

FLOOR_TIMES = 2.0
ROUNDS = 15


class Sizes(NamedTuple):
    """How many events are queued: the small queue, and then the large one."""

    small: int
    large: Sequence[int]
    rounds: int = ROUNDS


class Found(NamedTuple):
    """Rows of `points` and of `ratios`."""

    points: list[dict[str, Any]]
    ratios: list[dict[str, Any]]


@asynccontextmanager
async def queue(workload: Workload, window_s: int = DAY_S) -> AsyncIterator[Queue]:
    """`window_s`: of the duplicates index; 0: there is none."""
    with started() as server:
        opened = Queue(server, workload, window_s)
        try:
            yield opened
        finally:
            await opened.close()


async def grown(large: Queue, sizes: Sizes) -> Found:
    """Grows `large` and measures at each of its sizes, beside a small queue."""
    points, ratios = [], []
    async with queue(large.workload, large.window_s) as small:
        small.filler.fill(sizes.small)
        for size in sizes.large:
            large.filler.fill(size + large.filler.events - large.queued())
            small.costs, large.costs = Costs(), Costs()
            for _ in range(sizes.rounds):
                await small.round()
                await large.round()
            points += [point(small), point(large)]
            ratios.append(ratio(small, large))
    return Found(points, ratios)


def point(of: Queue) -> dict[str, Any]:
    """Redis's microseconds an event; round trips in microseconds; bytes an event with the index of ids."""
    queued = of.queued()
    return {
        "workload": of.workload.name,
        "queued": queued,
        "sessions": of.sessions(),
        "append_us": of.costs.trip("append"),
        "claim_us": of.costs.trip("claim"),
        "settle_us": of.costs.trip("settle"),
        "redis_us_an_event": of.costs.an_event(),
        "bytes_an_event": round((of.server.used_bytes() - of.empty_bytes) / queued, 1),
        "payload_bytes": MEAN_BYTES,
    }


def ratio(small: Queue, large: Queue) -> dict[str, Any]:
    """How many times as much Redis works for an event, and how many times as long the median round trips take.

    The median of the turns, each compared with its neighbour: the machine may be busier in one than in another.
    """
    trips = [sum(each.costs.trip(step)["p50"] for step in FLOOR_OF) for each in (large, small)]
    times = median(many / few for few, many in zip(small.costs.sums(), large.costs.sums(), strict=True))
    return {
        "name": f"{large.workload.name}: append + claim + settle at {large.queued():,} against {small.queued():,}",
        "value": round(times, 2),
        "round_trips": round(trips[0] / trips[1], 2),
        "floor": FLOOR_TIMES,
        "met": times <= FLOOR_TIMES,
    }


__all__ = ["W1", "W2", "Found", "Sizes", "grown", "queue"]
