"""What was measured, as the formulas need it. Pure: from the two JSON files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

Json = Mapping[str, Any]
A_CALL = 100  # events, of the appends that were measured in calls of many
NOT_MEASURED = None
_NAMED = ("system", "workload", "mode", "sink_ms", "tls")


class Line(NamedTuple):
    """Microseconds of something shared: so many each time, and so many for each event in it."""

    each: float
    an_event: float

    def of(self, events: float) -> float:
        """Microseconds an event, where it is shared by so many."""
        return self.each / events + self.an_event


class Figures(NamedTuple):
    """Of events of a kind: in `sessions`, or of accounts alone. Microseconds, bytes.

    `append`: of Redis, by the events of a call. `drain` (claim, read and settle) and `worker`: by the events of a
    request; `worker` is None until it is measured. `factor`: of Redis's memory over the events' own bytes. `heaviest`:
    the most that Redis and its child took while the AOF was rewritten, over what was in use; `aof_share`: the new AOF
    over the same. `connections`: to Redis, of an idle worker.
    """

    append: Line
    drain: Line
    worker: Line | None
    factor: float
    index_bytes: float
    record_bytes: float
    heaviest: float
    aof_share: float
    connections: int


def figures(growth: Json, compare: Json | None, *, sessions: bool) -> Figures:
    name = "W2" if sessions else "W1"
    at = largest(growth["points"], name)["redis_us_an_event"]
    memory = {row["workload"]: row for row in growth["memory"]}
    rewrite = growth["aof_rewrite"]
    return Figures(
        append=_line(1, at["append_one"], A_CALL, at["append"]),
        drain=_line(*_drained(growth, "W2"), *_drained(growth, "W1")),
        worker=_worker(compare),
        factor=memory[name]["times_payload"],
        index_bytes=memory[name]["index_bytes_an_id"],
        record_bytes=memory[name]["record_bytes_a_batch"],
        heaviest=rewrite["peak_bytes"] / rewrite["used_memory_bytes"],
        connections=growth["idle"]["redis_connections"],
        aof_share=rewrite["aof_bytes"] / rewrite["used_memory_bytes"],
    )


def largest(points: Sequence[Json], workload: str) -> Json:
    """Where most was queued."""
    return max((each for each in points if each["workload"] == workload), key=lambda each: int(each["queued"]))


def runs_of(compare: Json, workload: str, mode: str) -> list[Json]:
    """Ours, with a sink that answers at once and without TLS: one for each number of callers."""
    wanted = ("forwarder", workload, mode, 0, False)
    runs = [dict(run) for run in compare["runs"] if run["rates"]]
    return [run for run in runs if tuple(run[key] for key in _NAMED) == wanted]


def run_of(compare: Json, workload: str, mode: str) -> Json | None:
    return next(iter(runs_of(compare, workload, mode)), None)


def worker_us(run: Json) -> float:
    """Of all processes of the worker, an event. `cpu_by` tells shares, whatever its unit."""
    by = run["cpu_by"]
    return float(1_000 * run["cpu_s_per_1000"] * by["worker"] / sum(by.values()))


def _drained(growth: Json, workload: str) -> tuple[float, float]:
    """Events of a batch, and what Redis does for each of them."""
    point = largest(growth["points"], workload)
    at = point["redis_us_an_event"]
    events = point["queued"] / point["sessions"] if point["sessions"] else A_CALL
    return events, at["claim"] + at["read"] + at["settle"]


def _worker(compare: Json | None) -> Line | None:
    if not compare:
        return NOT_MEASURED
    runs = [run_of(compare, workload, "drain") for workload in ("W2", "W1")]
    if not all(runs):
        return NOT_MEASURED
    few, many = ((run["events"] / run["requests"], worker_us(run)) for run in runs if run)
    return _line(*few, *many)


def _line(few: float, us_few: float, many: float, us_many: float) -> Line:
    """Through two measurements: with few events each time, and with many."""
    each = max(0.0, (us_few - us_many) / (1 / few - 1 / many))
    return Line(each, max(0.0, us_many - each / many))
