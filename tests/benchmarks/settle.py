"""What a worker's turn costs: settlement, claim and reading of a batch. No test: `python -m tests.benchmarks.settle`.

Redis's main thread and the worker's own process, in microseconds of CPU a batch, so that other programs on the machine
count little. For batches of 1, 4 (a session each) and 100 events, and for 1, 16, 64 and 256 attempts that end with each
turn. The medians of some rounds, in turns. `--bare`: without records and counters, to see what these cost.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import Any, NamedTuple

from producers.keys import Slot
from tests.buffer.support import World, event
from worker.buffer.batches import Bounds, Limits, Noted, Settlement, Verdict
from worker.connection.client import async_redis
from worker.stack.redis_server import EmbeddedRedis

ACCOUNTS, EVENT_BYTES = 8, 600
TOLD = b'{"at":1800000000000,"n":1,"s":200,"t":"0af7651916cd43dd8448eb211c80319c","ms":43}'


class Cost(NamedTuple):
    """Microseconds a batch: of Redis's main thread, and of the process that settles and claims."""

    redis: float
    python: float


async def measured(redis: Any, events: int, turn: int, batches: int, *, bare: bool) -> Cost:
    """All of these batches claimed, read and settled, so many at a time."""
    await redis.flushall()
    world = World(redis, Slot("bench", "event-api", 0), cap_events=events, checked=False, linger_ms=0)
    for start in range(0, batches * events, 500):
        places = range(start, min(start + 500, batches * events))
        await world.append(*(one_of(place, events) for place in places))
    world.bounds = Bounds(records_ms=0 if bare else 129_600_000)
    noted = Noted() if bare else Noted(TOLD, 200, 43, events)
    delivered = Settlement(events, verdict=Verdict.TAKEN, noted=noted)
    buffer = world.buffer
    before, began = await spent(redis), time.process_time()
    ended: list[Any] = []
    while True:
        _, claimed = await buffer.settle_and_claim(ended, Limits(60_000, turn, 1_000))
        if not claimed.batches:
            break
        await buffer.read(claimed.batches)
        ended = [(batch, delivered) for batch in claimed.batches]
    python = time.process_time() - began
    return Cost((await spent(redis) - before) / batches, 1e6 * python / batches)


def one_of(place: int, events: int) -> Any:
    """Of the account of its batch; of a session, where batches are those of sessions."""
    batch = place // events
    return event(f"{place}", f"a{batch % ACCOUNTS}", f"s{batch}" if events == 4 else "", size=EVENT_BYTES)


async def spent(redis: Any) -> float:
    """Microseconds that Redis's main thread worked."""
    told = await redis.info("cpu")
    return 1e6 * float(told["used_cpu_user_main_thread"] + told["used_cpu_sys_main_thread"])


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--batches", type=int, default=4_000, help="of 1 and 4 events; a tenth of that of 100")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--events", type=int, nargs="*", default=[1, 4, 100])
    parser.add_argument("--turns", type=int, nargs="*", default=[1, 16, 64, 256])
    parser.add_argument("--bare", action="store_true")
    return parser.parse_args()


async def main() -> None:
    asked = arguments()
    costs: defaultdict[tuple[int, int], list[Cost]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as folder, EmbeddedRedis(Path(folder) / "redis") as server:
        redis = async_redis(server.url)
        for _ in range(asked.rounds):
            for events in asked.events:
                for turn in asked.turns:
                    batches = asked.batches // 10 if events == 100 else asked.batches
                    costs[events, turn].append(await measured(redis, events, turn, batches, bare=asked.bare))
        await redis.aclose()
    for (events, turn), taken in costs.items():
        of_redis, of_python = (statistics.median(times) for times in zip(*taken, strict=True))
        costs_of = f"Redis {of_redis:6.1f} us, Python {of_python:6.1f} us a batch"
        sys.stdout.write(f"{events:>4} events a batch, {turn:>4} batches a turn: {costs_of}\n")


if __name__ == "__main__":
    asyncio.run(main())
