"""Cost as work grows: `python -m tests.benchmarks.growth [--quick] [--only PART]`.

PART: queued, unindexed, sessions, memory, idle, latency or rewrite. On embedded Redis servers of its own (AOF
everysec). Prints what it finds and writes it to ops/docs/measured/growth.json (`--quick`: to no file); of parts that
were not asked for it keeps what stands there. About ten minutes, 6 GB of memory and of disk; with `--quick` one minute,
at sizes that prove little.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from tests.benchmarks.growth.idle import idle
from tests.benchmarks.growth.latency import latency
from tests.benchmarks.growth.memory import memory
from tests.benchmarks.growth.queued import W1, W2, Sizes, grown, queue
from tests.benchmarks.growth.rewrite import rewrite
from tests.benchmarks.machine import machine

FILE = Path(__file__).parents[3] / "ops" / "docs" / "measured" / "growth.json"
Part = dict[str, Any]


class Extent(NamedTuple):
    """How much is measured. `sessions`: as events, four a session."""

    queued: Sizes
    sessions: Sizes
    memory: int
    idle_s: float
    variants: bool
    latency_s: float


FULL = Extent(Sizes(10_000, (1_000_000, 3_000_000)), Sizes(10_000, (4_000_000,)), 200_000, 15, True, 15)
QUICK = Extent(Sizes(2_000, (50_000,), 5), Sizes(2_000, (50_000,), 5), 50_000, 5, False, 4)


async def _queued(extent: Extent, *, then_rewritten: bool) -> Part:
    """Both on one queue, since filling it takes longest."""
    async with queue(W1) as large:
        if not then_rewritten:
            return dict((await grown(large, extent.queued))._asdict())
        found = await grown(large, extent.queued)
        return {**found._asdict(), "aof_rewrite": await rewrite(large)}


async def _rewritten(extent: Extent) -> Part:
    async with queue(W1) as large:
        large.filler.fill(extent.queued.large[-1])
        return {"aof_rewrite": await rewrite(large)}


async def _unindexed(extent: Extent) -> Part:
    """The largest queue without duplicates index: what of the growth is the index's."""
    async with queue(W1, window_s=0) as large:
        found = await grown(large, extent.queued._replace(large=extent.queued.large[-1:]))
        return {"unindexed": found._asdict()}


async def _sessions(extent: Extent) -> Part:
    async with queue(W2) as large:
        return dict((await grown(large, extent.sessions))._asdict())


PARTS: dict[str, Callable[[Extent], Part]] = {
    "memory": lambda extent: {"memory": memory(extent.memory)},
    "idle": lambda extent: {"idle": idle(extent.idle_s, variants=extent.variants)},
    "latency": lambda extent: {"latency": latency(extent.latency_s)},
    "queued": lambda extent: asyncio.run(_queued(extent, then_rewritten=False)),
    "unindexed": lambda extent: asyncio.run(_unindexed(extent)),
    "rewrite": lambda extent: asyncio.run(_rewritten(extent)),
    "sessions": lambda extent: asyncio.run(_sessions(extent)),
}
TOGETHER: dict[str, Callable[[Extent], Part]] = {
    **{name: PARTS[name] for name in ("memory", "idle", "latency")},
    "queued and rewrite": lambda extent: asyncio.run(_queued(extent, then_rewritten=True)),
    "unindexed": PARTS["unindexed"],
    "sessions": PARTS["sessions"],
}


def measured(extent: Extent, only: str, known: Part) -> Part:
    """What was `known`, with what is found now in its place."""
    found: Part = {**known, "machine": machine()}
    for name, part in ({only: PARTS[only]} if only else TOGETHER).items():
        began = time.monotonic()
        for key, value in part(extent).items():
            found[key] = _merged(found.get(key, []), value) if key in ("points", "ratios") else value
            _tell(json.dumps(value, indent=1))
        _tell(f"{name}: {time.monotonic() - began:.0f} s")
    return found


def _merged(before: list[Part], now: list[Part]) -> list[Part]:
    """Rows of other workloads stay."""
    replaced = {_workload(row) for row in now}
    return sorted([row for row in before if _workload(row) not in replaced] + now, key=_workload)


def _workload(row: Part) -> str:
    return str(row.get("workload") or row["name"].partition(":")[0])


def _tell(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.growth")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", choices=sorted(PARTS), default="")
    parser.add_argument("--to", type=Path, help="another file to write to")
    asked = parser.parse_args()
    to = asked.to or (None if asked.quick else FILE)
    known = json.loads(to.read_text()) if asked.only and to and to.exists() else {}
    found = measured(QUICK if asked.quick else FULL, asked.only, known)
    if to:
        to.parent.mkdir(parents=True, exist_ok=True)
        to.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
