"""Does an event of a session cost more when there are a million sessions? `python -m tests.benchmarks.sessions [N …]`

Appends four events to each of N sessions through the real producer (calls of 100 lines), then claims, reads and settles
batches; prints microseconds an event for each N, on an embedded Redis (AOF everysec, not
rewritten meanwhile), and the ratio to the first N.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from producers import Producer
from producers.keys import Slot
from producers.session import viewed
from worker.buffer.batches import Batch, Limits, Settlement
from worker.buffer.buffer import Buffer
from worker.connection.client import async_redis, sync_redis
from worker.stack.redis_server import EmbeddedRedis

EVENTS = 4
ROUNDS = 15
CALL = 100
NO_REWRITE = {"auto-aof-rewrite-percentage": "0"}  # its fork and its copies are another question
MEASURED = 100_000  # the last so many events are timed, when all the others are there


def lines(sessions: range) -> Iterator[dict[str, Any]]:
    for number in sessions:
        for place in range(EVENTS):
            event = viewed(session=f"session-{number:09d}", parent=f"creative-{place}", transaction=f"order-{number}")
            yield {"destination": "server-events", "account": "tag", "event": event}


def append(producer: Producer, sessions: range) -> float:
    """Microseconds an event."""
    began, count, waiting = time.perf_counter(), 0, lines(sessions)
    while call := list(islice(waiting, CALL)):
        assert all(result.error is None for result in producer.enqueue_many(call))
        count += len(call)
    return (time.perf_counter() - began) / max(1, count) * 1e6


async def drain(url: str) -> float:
    """Microseconds an event to claim, read and settle batches of 64 sessions; the median of some rounds."""
    redis = async_redis(url)
    buffer = Buffer(redis, Slot("bench", "server-events", 0))
    limits, times = Limits(60_000, 64, 10_000), []
    ended: list[tuple[Batch, Settlement]] = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        _, claimed = await buffer.settle_and_claim(ended, limits)
        await buffer.read(claimed.batches)
        ended = [(batch, Settlement(batch.events)) for batch in claimed.batches]
        times.append((time.perf_counter() - began) / sum(batch.events for batch in claimed.batches) * 1e6)
    await redis.aclose()
    return median(times)


def measure(sessions: int) -> tuple[float, float, float]:
    """Append and drain in microseconds an event, and bytes of memory an event."""
    with TemporaryDirectory() as folder, EmbeddedRedis(Path(folder), options=NO_REWRITE) as server:
        env = {"FORWARDER_REDIS_URL": server.url, "FORWARDER_KEY_PREFIX": "bench", "FORWARDER_LINGER_MS": "0"}
        producer, redis = Producer.from_env(env), sync_redis(server.url)
        memory: Any = redis.info("memory")
        last = min(sessions, MEASURED // EVENTS)
        append(producer, range(sessions - last))
        appended = append(producer, range(sessions - last, sessions))
        after: Any = redis.info("memory")
        size = (after["used_memory"] - memory["used_memory"]) / (sessions * EVENTS)
        return appended, asyncio.run(drain(server.url)), size


def main() -> None:
    first: tuple[float, float, float] | None = None
    for sessions in [int(text) for text in sys.argv[1:]] or [1_000, 1_000_000]:
        found = measure(sessions)
        first = first or found
        ratios = ", ".join(f"x {now / then:.2f}" for now, then in zip(found[:2], first[:2], strict=True))
        appended, drained, size = found
        sys.stdout.write(
            f"{sessions:>9,} sessions: append {appended:.1f} us, claim + read + settle {drained:.1f} us an event "
            f"({ratios}); {size:.0f} B an event\n"
        )
        sys.stdout.flush()


if __name__ == "__main__":
    main()
