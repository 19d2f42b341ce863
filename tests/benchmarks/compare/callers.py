"""The processes that call a system's producer, as one: they make their events apart, and send them at the same time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any

from tests.benchmarks.compare.programs import Program

WARM = 800  # events, of all together; of celery-batches just one flush


class Callers:
    """`count` processes, each with a part of the events and names of its own."""

    def __init__(self, stack: ExitStack, argv: Sequence[str], env: Mapping[str, str], folder: Path, count: int) -> None:
        self._shops = [
            stack.enter_context(Program(f"shop {number}", argv, env, folder / f"shop{number}.log"))
            for number in range(count)
        ]
        for shop in self._shops:
            shop.hear()

    @property
    def pids(self) -> dict[str, int]:
        return {f"producer {number}": shop.pid for number, shop in enumerate(self._shops)}

    def make(self, name: str, events: int, within_s: float) -> list[str]:
        """`NAME:COUNT` of each: by which whoever checks makes the same plan."""
        each = -(-events // len(self._shops))
        parts = [(f"{name}{number}", max(0, min(each, events - number * each))) for number in range(len(self._shops))]
        for shop, (part, count) in zip(self._shops, parts, strict=True):
            shop.say(f"make {part} {count}")
        for shop in self._shops:
            shop.hear(within_s)
        return [f"{part}:{count}" for part, count in parts]

    def send(self, within_s: float) -> dict[str, Any]:
        """When the first call began; of the times of calls the median of the medians and the worst p99."""
        for shop in self._shops:
            shop.say("send")
        sent = [shop.hear(within_s) for shop in self._shops]
        took = [each["enqueue_us"] for each in sent]
        return {
            "first": min(each["first"] for each in sent),
            "enqueue_us": {"p50": round(median(at["p50"] for at in took)), "p99": max(at["p99"] for at in took)},
        }
