"""What claims cost beside 200,000 accounts without work. No test: `python -m tests.buffer.measure_idle_accounts`."""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
import time
from pathlib import Path

from producers.keys import Slot
from tests.buffer.crowd import add_held, add_idle
from tests.buffer.support import World, events
from worker.connection.client import async_redis
from worker.stack.redis_server import EmbeddedRedis

ACCOUNTS = 200_000
CLAIMS = 1_000


async def claim_times_us(world: World) -> list[float]:
    """Claims of one batch each, which is delivered before the next."""
    times = []
    for number in range(CLAIMS):
        await world.append(*events(1, f"busy-{number % 50}"))
        started = time.perf_counter()
        batch = await world.claim_one()
        times.append((time.perf_counter() - started) * 1e6)
        await world.deliver(batch)
    return times


async def measure(url: str) -> None:
    client = async_redis(url)
    rows = []
    for name, add in (("no other accounts", None), ("200,000 held", add_held), ("200,000 idle", add_idle)):
        await client.flushdb()
        world = World(client, Slot("measure", "event-api", 0), linger_ms=0)
        world.checked = False
        if add:
            await add(world, ACCOUNTS)
        await claim_times_us(world)  # warms up
        rows.append((name, await claim_times_us(world)))
    await client.aclose()
    sys.stdout.write(f"{'round trip of a claim, µs':<28}{'p50':>8}{'p95':>8}\n")
    for name, times in rows:
        cuts = statistics.quantiles(times, n=20)
        sys.stdout.write(f"{name:<28}{cuts[9]:>8.0f}{cuts[18]:>8.0f}\n")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, EmbeddedRedis(Path(folder) / "redis") as server:
        asyncio.run(measure(server.url))


if __name__ == "__main__":
    main()
