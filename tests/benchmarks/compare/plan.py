"""What a round runs, and of how many events: so many as keep a system busy for some seconds on two cores."""

from __future__ import annotations

from typing import NamedTuple


class Case(NamedTuple):
    """`sink_ms`: after how long the sink answers. `once`: in the first round alone, since it takes long."""

    system: str
    workload: str
    mode: str
    events: int
    sink_ms: int = 0
    tls: bool = False
    once: bool = False

    @property
    def key(self) -> tuple[str, str, str, int, bool]:
        return self.system, self.workload, self.mode, self.sink_ms, self.tls


# Those that are compared with each other stand beside each other, so that they run in the same minute.
CASES = (
    Case("forwarder", "W1", "drain", 300_000),
    Case("celery_batches", "W1", "drain", 8_000),
    Case("faststream", "W1", "drain", 30_000),
    Case("task_per_event", "W1", "drain", 4_000),
    Case("forwarder", "W1", "many100", 200_000),
    Case("celery_batches", "W1", "single", 4_800),
    Case("faststream", "W1", "many100", 20_000),
    Case("forwarder", "W1", "async64", 80_000),
    Case("task_per_event", "W1", "single", 3_000),
    Case("faststream", "W1", "single", 12_000),
    Case("forwarder", "W1", "single", 20_000),
    Case("forwarder", "W1", "many100", 200_000, tls=True),
    Case("forwarder", "W2", "drain", 80_000),
    Case("forwarder", "W2", "drain", 80_000, sink_ms=50),
    Case("celery_batches", "W2", "drain", 4_800),
    Case("faststream", "W2", "drain", 10_000),
    Case("forwarder", "W2", "many100", 80_000),
    Case("forwarder", "W2", "many100", 80_000, sink_ms=50),
    Case("celery_batches", "W2", "single", 4_000),
    Case("faststream", "W2", "single", 6_000),
    Case("forwarder", "W2", "async64", 50_000),
    Case("forwarder", "W2", "single", 15_000),
    Case("forwarder", "W2", "many100", 60_000, tls=True),
    Case("task_per_event", "W2", "single", 3_000),
    Case("forwarder", "W3", "many100", 1_000_000, once=True),
    Case("forwarder", "W3", "drain", 1_000_000, once=True),
)
# The short form: what the floors need, of fewer events.
QUICK = {
    *(("forwarder", "W1", mode, 0, False) for mode in ("drain", "many100", "async64", "single")),
    *(("forwarder", "W2", "many100", delay, False) for delay in (0, 50)),
    *(("celery_batches", workload, "single", 0, False) for workload in ("W1", "W2")),
    ("celery_batches", "W1", "drain", 0, False),
    ("task_per_event", "W1", "single", 0, False),
    ("faststream", "W1", "many100", 0, False),
}
QUICK_SCALE = 0.25
FLUSH = {"celery_batches": 800, "faststream": 800}  # whole ones, so that the end does not wait for a timer
LEAST_FLUSHES = 3  # of one alone there is no rate


def chosen(
    *,
    only: str | None,
    workload: str | None,
    mode: str | None,
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
        and sink_ms in (None, case.sink_ms)
        and tls in (None, case.tls)
        and (not quick or case.key in QUICK)
    ]
    return [case._replace(events=events or _scaled(case, scale)) for case in cases]


def _scaled(case: Case, scale: float) -> int:
    flush = FLUSH.get(case.system, 1)
    least = LEAST_FLUSHES * flush if flush > 1 else 100
    return max(least, round(case.events * scale / flush) * flush)
