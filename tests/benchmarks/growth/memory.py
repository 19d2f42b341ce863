"""What a queued event takes of Redis's memory, and where it lies."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from statistics import fmean
from typing import Any, NamedTuple

from tests.benchmarks.growth.events import MEAN_BYTES, WORKLOADS, Workload
from tests.benchmarks.growth.filling import Filler
from tests.benchmarks.growth.queue import DAY_S, EVENTS_A_BATCH
from tests.benchmarks.growth.queued import queue
from tests.benchmarks.growth.server import Server, started

LOOKED_AT = 20_000  # keys of a kind that are weighed; of the others the mean is taken
SENT = 500  # batches at the most, whose records are weighed
PAGE = 5_000
FLOORS = {"W1": 1.2, "W2": 1.45}  # times the bytes of the payloads


class Kind(NamedTuple):
    """The keys of one kind."""

    keys: int
    bytes: float


def memory(events: int) -> list[dict[str, Any]]:
    """A row a workload."""
    return [_row(workload, events) for workload in WORKLOADS.values()]


def _row(workload: Workload, events: int) -> dict[str, Any]:
    bare, kinds = _weighed(workload, events, 0)
    indexed, _ = _weighed(workload, events, DAY_S)
    told = {kind: {"keys": of.keys, "bytes_an_event": round(of.bytes / events, 2)} for kind, of in kinds.items()}
    rest = bare - sum(of.bytes for of in kinds.values())
    return {
        "workload": workload.name,
        "queued": events,
        "payload_bytes": MEAN_BYTES,
        "bytes_an_event": round(bare / events, 1),
        "times_payload": round(bare / events / MEAN_BYTES, 3),
        "floor": FLOORS[workload.name],
        "index_bytes_an_id": round((indexed - bare) / events, 1),
        "record_bytes_a_batch": round(asyncio.run(_recorded(workload, events)), 1),
        "by_kind": told | {"(tables of all keys)": {"keys": 0, "bytes_an_event": round(rest / events, 2)}},
    }


def _weighed(workload: Workload, events: int, window_s: int) -> tuple[int, dict[str, Kind]]:
    """Bytes in all, and by kind of key."""
    with started() as server:
        filler = Filler(server.url, workload, window_s)
        before = server.used_bytes()
        filler.fill(events)
        used = server.used_bytes() - before
        kinds = _kinds(server, filler.slot.base) if window_s == 0 else {}
        filler.close()
        return used, kinds


async def _recorded(workload: Workload, most: int) -> float:
    """Bytes of the record that a batch leaves behind when it was sent, for FORWARDER_RECORDS_S."""
    async with queue(workload, window_s=0) as filled:
        filled.filler.fill(min(SENT * EVENTS_A_BATCH[workload.name], most))
        await filled.drain()
        records = _kinds(filled.server, filled.filler.slot.base)["record"]
        return records.bytes / records.keys


def _kinds(server: Server, base: str) -> dict[str, Kind]:
    keys = defaultdict[str, list[bytes]](list)
    for key in server.redis.scan_iter(match="*", count=PAGE):
        keys[key.decode().removeprefix(base).partition(":")[0]].append(key)
    found = {kind: Kind(len(each), _mean(server, each[:LOOKED_AT]) * len(each)) for kind, each in keys.items()}
    return dict(sorted(found.items(), key=lambda item: -item[1].bytes))


def _mean(server: Server, keys: list[bytes]) -> float:
    """Bytes of a key, its name and value."""
    pipeline = server.redis.pipeline(transaction=False)
    for key in keys:
        pipeline.memory_usage(key, samples=0)
    return fmean(pipeline.execute())
