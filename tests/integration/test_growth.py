"""The benchmark of cost as work grows runs, at sizes that prove little, and its figures are there. No time is told."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.benchmarks.growth.events import WORKLOADS, Workload
from tests.benchmarks.growth.memory import memory
from tests.benchmarks.growth.queue import STEPS
from tests.benchmarks.growth.queued import Sizes, grown, queue
from tests.benchmarks.growth.rewrite import rewrite

SMALL, LARGE = 2_000, 10_000


@pytest.mark.parametrize("workload", WORKLOADS.values(), ids=list(WORKLOADS))
async def test_a_small_and_a_large_queue_are_measured_and_an_aof_is_rewritten(workload: Workload) -> None:
    async with queue(workload) as large:
        found = await grown(large, Sizes(SMALL, (LARGE,), rounds=1))
        rewritten = await rewrite(large)
    small, other = found.points
    assert (small["workload"], other["workload"]) == (workload.name, workload.name)
    assert small["queued"] < 0.6 * other["queued"]
    assert other["queued"] == pytest.approx(LARGE, abs=500)  # a round's claims are of whole batches
    assert all(point["redis_us_an_event"][step] > 0 for point in found.points for step in STEPS)
    assert all(point[f"{step}_us"]["p50"] > 0 for point in found.points for step in ("append", "claim", "settle"))
    (ratio,) = found.ratios
    assert ratio["value"] > 0
    assert rewritten["peak_bytes"] >= rewritten["aof_bytes"] > 500 * LARGE
    assert rewritten["round_trips_us"]["meanwhile"]["append"]["max"] > 0


async def test_the_memory_of_a_queued_event_is_known_by_kind_of_key_and_stays_below_its_floor() -> None:
    rows: list[dict[str, Any]] = await asyncio.to_thread(memory, LARGE)
    for row in rows:
        kinds = row["by_kind"]
        assert sum(kind["bytes_an_event"] for kind in kinds.values()) == pytest.approx(row["bytes_an_event"], rel=0.01)
        assert kinds["events"]["bytes_an_event"] > row["payload_bytes"]
        assert 20 < row["index_bytes_an_id"] < 60
        assert 150 < row["record_bytes_a_batch"] < 500
        assert row["times_payload"] < row["floor"]
