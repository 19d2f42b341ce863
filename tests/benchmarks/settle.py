"""What a settlement and a claim cost Redis's main thread. No test: `python -m tests.benchmarks.settle [BATCHES]`.

Batches of one event, so that nothing but the scripts counts; sixteen attempts end with each claim.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

from producers.keys import Slot
from tests.buffer.support import World, event
from worker.buffer.batches import Bounds, Limits, Noted, Settlement, Verdict
from worker.redis_client import async_redis
from worker.stack.redis_server import EmbeddedRedis

ROUNDS, AT_ONCE = 3, 16


async def measured(redis: Any, batches: int, settings: dict[str, Any]) -> float:
    """Microseconds of Redis for the settlement and the claim of one batch."""
    await redis.flushall()
    world = World(redis, Slot("bench", "event-api", 0), cap_events=1, checked=False, **settings)
    for start in range(0, batches, 500):
        await world.append(*(event(f"{start + place}", f"a{place % 20}") for place in range(500)))
    before = await spent(redis)
    ended: list[Any] = []
    while True:
        _, claimed = await world.buffer.settle_and_claim(ended, Limits(60_000, AT_ONCE, 100))
        if not claimed.batches:
            break
        ended = [(batch, settlement(batch)) for batch in claimed.batches]
    return (await spent(redis) - before) / batches


async def spent(redis: Any) -> float:
    """Microseconds that Redis's main thread worked: other programs on the machine do not count."""
    told = await redis.info("cpu")
    return 1e6 * float(told["used_cpu_user_main_thread"] + told["used_cpu_sys_main_thread"])


def settlement(batch: Any) -> Settlement:
    told = b'{"at":1800000000000,"n":1,"s":200,"t":"0af7651916cd43dd8448eb211c80319c","ms":43}'
    return Settlement(batch.events, verdict=Verdict.TAKEN, noted=Noted(told, 200, 43, 1))


async def main() -> None:
    batches = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    with tempfile.TemporaryDirectory() as folder, EmbeddedRedis(Path(folder) / "redis") as server:
        redis = async_redis(server.url)
        found = [await measured(redis, batches, {"bounds": Bounds(records_ms=129_600_000)}) for _ in range(ROUNDS)]
        sys.stdout.write(f"{statistics.median(found):.1f} us a batch (from {min(found):.1f} to {max(found):.1f})\n")
        await redis.aclose()


if __name__ == "__main__":
    asyncio.run(main())
