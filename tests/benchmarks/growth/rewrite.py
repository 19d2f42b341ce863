"""What an AOF rewrite of a full queue takes, and what appends and claims feel of it meanwhile."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.benchmarks.growth.queue import Costs, Queue
from tests.integration.support import processes_under

BEFORE = 5  # rounds that nothing happens beside
LOOK_S = 0.25  # processes are weighed so often: it keeps the kernel busy for a moment
LONGEST_S = 300.0
TOLD = ("append", "claim", "settle")


async def rewrite(queue: Queue) -> dict[str, Any]:
    """Rewrites the AOF of what is queued. Times in seconds, round trips in microseconds, memory in bytes."""
    redis = queue.server.redis
    queue.costs = before = Costs()
    for _ in range(BEFORE):
        await queue.round()
    used = queue.server.used_bytes()
    over = threading.Event()
    weighing = asyncio.create_task(asyncio.to_thread(_heaviest, queue.server.pid, over))
    began = time.monotonic()
    redis.bgrewriteaof()
    queue.costs = during = Costs()
    await queue.round()
    while _under_way(redis):
        assert time.monotonic() < began + LONGEST_S, "the rewrite does not end"
        await queue.round()
    over.set()
    seconds = time.monotonic() - began
    told, forked = redis.info("persistence"), int(redis.info("stats")["latest_fork_usec"])
    assert told["aof_last_bgrewrite_status"] == "ok", told
    return {
        "queued": queue.queued(),
        "seconds": round(seconds, 1),
        "fork_ms": round(forked / 1_000, 1),
        "aof_bytes": int(told["aof_base_size"]),
        "used_memory_bytes": used,
        "peak_bytes": await weighing,
        "copied_bytes": int(told["aof_last_cow_size"]),
        "round_trips_us": {"before": _trips(before, TOLD), "meanwhile": _trips(during, TOLD)},
    }


def _trips(costs: Costs, steps: Sequence[str]) -> dict[str, dict[str, float]]:
    return {step: costs.trip(step) for step in steps}


def _under_way(redis: Any) -> bool:
    told = redis.info("persistence")
    return bool(told["aof_rewrite_in_progress"] or told.get("aof_rewrite_scheduled"))


def _heaviest(pid: int, over: threading.Event) -> int:
    """The most that Redis and its child took together until it was over; what both share counts once."""
    most = 0
    while True:
        most = max(most, sum(_share(each) for each in processes_under(pid)))
        if over.wait(LOOK_S):
            return most


def _share(pid: int) -> int:
    """Bytes of a process, of shared pages its share; 0 if it is gone."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((1_024 * int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)
