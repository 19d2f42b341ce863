"""What a settlement and a claim cost Redis's main thread. No test: `python -m tests.benchmarks.settle [BATCHES]`.

Batches of one event, so that nothing but the scripts counts; sixteen attempts end with each claim. In turns: with
records and counters, and with neither (the script without its last words, and nothing told by the worker), so
that the difference is theirs.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha1
from pathlib import Path
from typing import Any
from unittest import mock

from producers.keys import Slot
from producers.scripts import Script, load
from tests.buffer.support import World, event
from worker.buffer import calls
from worker.buffer.batches import Bounds, Limits, Noted, Settlement, Verdict
from worker.redis_client import async_redis
from worker.stack.redis_server import EmbeddedRedis

ROUNDS, AT_ONCE = 9, 16
LAST_WORDS = "\ntell()\ntally_all()\n"
TOLD = b'{"at":1800000000000,"n":1,"s":200,"t":"0af7651916cd43dd8448eb211c80319c","ms":43}'
NOTED = Noted(TOLD, 200, 43, 1)


async def measured(redis: Any, batches: int, noted: Noted) -> float:
    """Microseconds of Redis for the settlement and the claim of one batch."""
    await redis.flushall()
    bounds = Bounds(records_ms=129_600_000)
    world = World(redis, Slot("bench", "event-api", 0), cap_events=1, checked=False, bounds=bounds)
    for start in range(0, batches, 500):
        await world.append(*(event(f"{start + place}", f"a{place % 20}") for place in range(500)))
    before = await spent(redis)
    ended: list[Any] = []
    while True:
        _, claimed = await world.buffer.settle_and_claim(ended, Limits(60_000, AT_ONCE, 100))
        if not claimed.batches:
            break
        ended = [(batch, Settlement(batch.events, verdict=Verdict.TAKEN, noted=noted)) for batch in claimed.batches]
    return (await spent(redis) - before) / batches


async def spent(redis: Any) -> float:
    """Microseconds that Redis's main thread worked: other programs on the machine do not count."""
    told = await redis.info("cpu")
    return 1e6 * float(told["used_cpu_user_main_thread"] + told["used_cpu_sys_main_thread"])


@contextmanager
def silent() -> Iterator[None]:
    """Settlements neither tell nor count anything."""
    full = load("worker.buffer", "settle").text
    assert LAST_WORDS in full
    text = full.replace(LAST_WORDS, "\n")
    bare = Script(text, sha1(text.encode(), usedforsecurity=False).hexdigest())
    with mock.patch.object(calls, "load", lambda package, name: bare if name == "settle" else load(package, name)):
        yield


async def main() -> None:
    batches = int(sys.argv[1]) if len(sys.argv) > 1 else 5_000
    with tempfile.TemporaryDirectory() as folder, EmbeddedRedis(Path(folder) / "redis") as server:
        redis = async_redis(server.url)
        pairs = [await pair(redis, batches) for _ in range(ROUNDS)]
        await redis.aclose()
    bare, full = (statistics.median(times) for times in zip(*pairs, strict=True))
    more = statistics.median(one / other for other, one in pairs) - 1
    sys.stdout.write(f"{bare:.1f} us a batch without records and counters, {full:.1f} us with both: {more:+.1%}\n")


async def pair(redis: Any, batches: int) -> tuple[float, float]:
    with silent():
        bare = await measured(redis, batches, Noted())
    return bare, await measured(redis, batches, NOTED)


if __name__ == "__main__":
    asyncio.run(main())
