"""From the figures of all rounds to medians, and to the ratios that were asked for. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any, Literal, NamedTuple

from msgspec import Struct

from tests.benchmarks.compare import words
from tests.benchmarks.compare.plan import Case
from tests.benchmarks.compare.running import Figure

Figures = Mapping[Case, Sequence[Figure]]
PARTS = ("producer", "worker", "redis", "sink")


class Run(Struct, frozen=True):
    """The medians of a case. `rates`: events a second of each round; `failed`: why rounds gave no figure."""

    system: str
    workload: str
    mode: str
    callers: int
    sink_ms: int
    tls: bool
    events: int
    rate: float
    rates: list[float]
    cpu_s_per_1000: float
    cpu_by: dict[str, float]
    requests: int
    body_bytes: int
    disordered: int
    enqueue_us: dict[str, int]
    start_s: float
    settings: dict[str, str]
    failed: list[str] = []


class Ratio(Struct, frozen=True):
    """`at`: whether `floor` is the least or the most that is asked for."""

    name: str
    value: float
    floor: float
    met: bool
    at: Literal["least", "most"] = "least"


def summed(case: Case, figures: Sequence[Figure], settings: dict[str, str]) -> Run:
    """The median over the rounds that count; of none, zeros."""
    sound = [each for each in figures if not each.faults]
    by = [{part: _of(part, each.cpu) for part in PARTS} for each in sound]
    return Run(
        *case.key,
        events=case.events,
        rate=round(_median([each.rate for each in sound])),
        rates=[each.rate for each in sound],
        cpu_s_per_1000=_precise(_median([sum(each.values()) for each in by])),
        cpu_by={part: _precise(_median([each[part] for each in by])) for part in PARTS},
        requests=round(_median([each.requests for each in sound])),
        body_bytes=round(_median([each.body_bytes for each in sound])),
        disordered=max((each.disordered for each in sound), default=0),
        enqueue_us={name: round(_median([each.enqueue_us[name] for each in sound])) for name in ("p50", "p99")},
        start_s=round(_median([each.start_s for each in sound]), 2),
        settings=settings,
        failed=["; ".join(each.faults) for each in figures if each.faults],
    )


def _of(part: str, cpu: Mapping[str, float]) -> float:
    """A system may have several workers."""
    return sum(seconds for name, seconds in cpu.items() if name.partition(" ")[0] == part)


def _median(values: Sequence[float]) -> float:
    return median(values) if values else 0.0


def _precise(value: float) -> float:
    return float(f"{value:.3g}")


class _Wanted(NamedTuple):
    """A ratio of the rates of two runs with as many callers; of the CPU of one run where `by` is none.

    Runs as system, workload, mode, and after how many milliseconds the sink answers.
    """

    name: str
    of: tuple[str, str, str, int]
    by: tuple[str, str, str, int] | None
    floor: float


_BATCHES, _TASKS = ("celery_batches", "W1", "single", 0), ("task_per_event", "W1", "single", 0)
_SINGLE, _ASYNC, _MANY = (("forwarder", "W1", mode, 0) for mode in ("single", "async64", "many100"))
_SESSIONS, _SESSIONS_BATCHES = ("forwarder", "W2", "many100", 0), ("celery_batches", "W2", "single", 0)
WANTED = (
    _Wanted("W1 drain / celery-batches", ("forwarder", "W1", "drain", 0), ("celery_batches", "W1", "drain", 0), 200),
    _Wanted("W1 enqueue_many of 100 / celery-batches", _MANY, _BATCHES, 60),
    _Wanted("W1 64 async callers / celery-batches", _ASYNC, _BATCHES, 40),
    _Wanted("W1 single enqueues / celery-batches", _SINGLE, _BATCHES, 6),
    _Wanted("W1 single enqueues / one task an event", _SINGLE, _TASKS, 12),
    _Wanted("W2 enqueue_many of 100 / celery-batches", _SESSIONS, _SESSIONS_BATCHES, 35),
    _Wanted("W2 a sink that answers after 50 ms / at once", ("forwarder", "W2", "many100", 50), _SESSIONS, 0.6),
    _Wanted("W1 CPU-s for 1,000 events, enqueue_many", _MANY, None, 0.04),
    _Wanted("W2 CPU-s for 1,000 events, enqueue_many", _SESSIONS, None, 0.09),
)


def ratios(runs: Sequence[Run]) -> list[Ratio]:
    """Those whose runs gave a figure, with one caller and with several."""
    plain = [run for run in runs if run.rates and not run.tls]
    found = {(run.callers, (run.system, run.workload, run.mode, run.sink_ms)): run for run in plain}
    callers = sorted({run.callers for run in plain})
    every = (_ratio(wanted, number, found) for wanted in WANTED for number in callers)
    return [each for each in every if each is not None]


def _ratio(wanted: _Wanted, callers: int, found: Mapping[Any, Run]) -> Ratio | None:
    of, by = found.get((callers, wanted.of)), found.get((callers, wanted.by))
    if of is None or (by is None and wanted.by is not None):
        return None
    name = wanted.name if of.mode == "drain" else f"{wanted.name}, {words.callers(callers)}"
    if by is None:
        return Ratio(name, of.cpu_s_per_1000, wanted.floor, of.cpu_s_per_1000 <= wanted.floor, "most")
    value = _precise(of.rate / max(0.001, by.rate))
    return Ratio(name, value, wanted.floor, value >= wanted.floor)
