"""What a round runs, and of how many events: so many as keep a system busy for some seconds on two cores."""

from __future__ import annotations

from typing import NamedTuple


class Case(NamedTuple):
    """`sink_ms`: after how long the sink answers. `once`: in the first round alone, since it takes long.

    `callers`: processes that enqueue at the same time, each its part of the events.
    """

    system: str
    workload: str
    mode: str
    events: int
    callers: int = 1
    sink_ms: int = 0
    tls: bool = False
    once: bool = False

    @property
    def key(self) -> tuple[str, str, str, int, int, bool]:
        return self.system, self.workload, self.mode, self.callers, self.sink_ms, self.tls


# Callers: one process cannot keep two cores busy, since it waits for Redis while Redis works. Several fill for a drain.
MANY = 4
# Those that are compared with each other stand beside each other, so that they run in the same minute.
CASES = (
    Case("forwarder", "W1", "drain", 400_000, MANY),
    Case("celery_batches", "W1", "drain", 6_400, MANY),
    Case("faststream", "W1", "drain", 30_000, MANY),
    Case("task_per_event", "W1", "drain", 2_500, MANY),
    Case("forwarder", "W1", "many100", 180_000),
    Case("celery_batches", "W1", "single", 4_000),
    Case("faststream", "W1", "many100", 16_000),
    Case("forwarder", "W1", "async64", 120_000),
    Case("task_per_event", "W1", "single", 2_500),
    Case("forwarder", "W1", "single", 18_000),
    Case("faststream", "W1", "single", 12_000, once=True),
    Case("forwarder", "W1", "many100", 400_000, MANY),
    Case("celery_batches", "W1", "single", 4_000, MANY),
    Case("faststream", "W1", "many100", 16_000, MANY),
    Case("forwarder", "W1", "async64", 120_000, MANY),
    Case("task_per_event", "W1", "single", 2_500, MANY),
    Case("forwarder", "W1", "single", 20_000, MANY),
    Case("faststream", "W1", "single", 12_000, MANY, once=True),
    Case("forwarder", "W1", "many100", 180_000, MANY, tls=True, once=True),
    Case("forwarder", "W2", "drain", 100_000, MANY),
    Case("forwarder", "W2", "drain", 100_000, MANY, sink_ms=50),
    Case("celery_batches", "W2", "drain", 5_600, MANY, once=True),
    Case("faststream", "W2", "drain", 10_000, MANY, once=True),
    Case("forwarder", "W2", "many100", 70_000),
    Case("forwarder", "W2", "many100", 70_000, sink_ms=50),
    Case("celery_batches", "W2", "single", 4_000),
    Case("forwarder", "W2", "many100", 120_000, MANY),
    Case("forwarder", "W2", "many100", 80_000, MANY, sink_ms=50),
    Case("celery_batches", "W2", "single", 4_000, MANY),
    Case("faststream", "W2", "many100", 6_000, MANY, once=True),
    Case("forwarder", "W2", "async64", 50_000),
    Case("forwarder", "W2", "async64", 50_000, MANY),
    Case("forwarder", "W2", "single", 15_000),
    Case("forwarder", "W2", "single", 15_000, MANY),
    Case("faststream", "W2", "single", 6_000, once=True),
    Case("faststream", "W2", "single", 6_000, MANY, once=True),
    Case("task_per_event", "W2", "single", 2_500, once=True),
    Case("task_per_event", "W2", "single", 2_500, MANY, once=True),
    Case("forwarder", "W2", "many100", 60_000, MANY, tls=True, once=True),
    Case("forwarder", "W3", "many100", 1_000_000, once=True),
    Case("forwarder", "W3", "drain", 1_000_000, MANY, once=True),
)
# The short form: what the floors need, of fewer events.
QUICK = {
    ("forwarder", "W1", "drain"),
    ("celery_batches", "W1", "drain"),
    *((system, "W1", mode) for system in ("forwarder",) for mode in ("many100", "async64", "single")),
    *((system, "W1", "single") for system in ("celery_batches", "task_per_event")),
    *((system, "W2", mode) for system, mode in (("forwarder", "many100"), ("celery_batches", "single"))),
}
QUICK_SCALE = 0.25
FLUSH = {"celery_batches": 800, "faststream": 800}  # whole ones, so that the end does not wait for a timer
LEAST_FLUSHES = 3  # of one alone there is no rate


def chosen(
    *,
    only: str | None,
    workload: str | None,
    mode: str | None,
    callers: int | None,
    sink_ms: int | None,
    tls: bool | None,
    quick: bool,
    scale: float,
    events: int | None,
) -> list[Case]:
    """`scale`: of the number of events; `events`: that many instead."""
    scale = scale * QUICK_SCALE if quick else scale
    cases = [
        case
        for case in CASES
        if only in (None, case.system)
        and workload in (None, case.workload)
        and mode in (None, case.mode)
        and callers in (None, case.callers)
        and sink_ms in (None, case.sink_ms)
        and tls in (None, case.tls)
        and (not quick or ((case.system, case.workload, case.mode) in QUICK and not case.tls))
    ]
    return [case._replace(events=events or _scaled(case, scale)) for case in cases]


def _scaled(case: Case, scale: float) -> int:
    flush = FLUSH.get(case.system, 1)
    least = LEAST_FLUSHES * flush if flush > 1 else 100
    return max(least, round(case.events * scale / flush) * flush)
