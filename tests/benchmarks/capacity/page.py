"""The parts of ops/docs/capacity.md that are drawn: tables between `<!-- drawn: NAME -->` and `<!-- end -->`. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from tests.benchmarks.capacity.figures import Json, figures, largest, runs_of, worker_us
from tests.benchmarks.capacity.sizing import Load, Needs, Settings, needs
from tests.benchmarks.capacity.words import cell, count, named_bytes, share
from tests.benchmarks.compare.words import callers

_DRAWN = re.compile(r"(<!-- drawn: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
RATES = (200, 2_000, 20_000)
MODES = {"drain": "drain", "single": "single calls", "async64": "64 coroutines", "many100": "100 a call"}
Table = Iterable[Sequence[str]]


def drawn(page: str, growth: Json, compare: Json | None, settings: Settings) -> str:
    """The page with its tables as these figures give them."""
    tables: dict[str, Callable[[], Table]] = {
        "machine": lambda: _machine(growth["machine"], compare),
        "core": lambda: _core(compare),
        "redis": lambda: _redis(growth),
        "memory": lambda: _memory(growth),
        "small": lambda: _small(growth),
        "rewrite": lambda: _rewrite(growth["aof_rewrite"]),
        "accounts": lambda: _sized(growth, compare, settings, sessions=False),
        "sessions": lambda: _sized(growth, compare, settings, sessions=True),
    }
    return _DRAWN.sub(lambda found: found[1] + _table(tables[found[2]]()) + found[3], page)


def _table(rows: Table) -> str:
    head, *body = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([head, "| " + " | ".join("---" for _ in range(head.count(" | ") + 1)) + " |", *body, ""])


def _machine(machine: Json, compare: Json | None) -> Table:
    yield "", "cost as work grows", "comparison"
    other = (compare or {}).get("machine", {})
    for name in ("cpu", "cores", "kernel", "python", "redis", "date"):
        yield name, cell(machine.get(name)), cell(other.get(name))


def _core(compare: Json | None) -> Table:
    yield "what runs", "events a second", "CPU µs an event, all", "worker", "producer", "Redis"
    if not compare:
        yield "not measured yet: `make bench`", *["-"] * 5
        return
    for workload in ("W1", "W2", "W3"):
        for mode, words in MODES.items():
            for run in runs_of(compare, workload, mode):
                by, everything = run["cpu_by"], 1_000 * run["cpu_s_per_1000"]
                rest = (f"{everything * by.get(name, 0) / sum(by.values()):.1f}" for name in ("producer", "redis"))
                name = f"{workload}, {words}" + (f", {callers(run['callers'])}" if mode != "drain" else "")
                yield name, count(run["rate"]), f"{everything:.1f}", f"{worker_us(run):.1f}", *rest


def _redis(growth: Json) -> Table:
    head = "append, 100 a call", "append, single", "claim", "read", "settle"
    yield "queued", *(f"{each} µs" for each in head), "round trips p50 / p99 µs: append", "claim", "settle"
    for point in growth["points"]:
        of = point["redis_us_an_event"]
        sessions = f", {count(point['sessions'])} sessions" if point["sessions"] else ""
        trips = [f"{point[f'{step}_us']['p50']:.0f} / {point[f'{step}_us']['p99']:.0f}" for step in _TRIPS]
        steps = [f"{of[step]:.1f}" for step in ("append", "append_one", "claim", "read", "settle")]
        yield f"{point['workload']}, {count(point['queued'])}{sessions}", *steps, *trips
    for ratio in [*growth["ratios"], *_unindexed(growth)]:
        yield f"**{ratio['name']}**", f"**{ratio['value']} times**", *[""] * 4, f"{ratio['round_trips']} times", "", ""


def _unindexed(growth: Json) -> Iterable[dict[str, Any]]:
    """The same without duplicates index, if it was measured."""
    for ratio in growth.get("unindexed", {}).get("ratios", ()):
        yield {**ratio, "name": f"{ratio['name']}, without duplicates index"}


_TRIPS = ("append", "claim", "settle")


def _memory(growth: Json) -> Table:
    yield "", "bytes an event", "over its own", "events", "batches, order, due, times", "an id", "a batch that was sent"
    for row in growth["memory"]:
        kinds = {kind: of["bytes_an_event"] for kind, of in row["by_kind"].items()}
        rest = row["bytes_an_event"] - kinds["events"]
        beside = f"{row['index_bytes_an_id']:.0f}", f"{row['record_bytes_a_batch']:.0f}"
        times = f"{row['times_payload']:.2f} times"
        yield row["workload"], f"{row['bytes_an_event']:.0f}", times, f"{kinds['events']:.0f}", f"{rest:.0f}", *beside


def _small(growth: Json) -> Table:
    idle, latency = growth["idle"], growth["latency"]
    yield "", "measured"
    yield "CPU of an idle worker, all processes", f"{idle['worker_percent']:.2f} % of a core"
    yield "of Redis beside it", f"{idle['cpu_percent_by_process']['redis']:.2f} %"
    if "worker_percent_16_shards" in idle:
        yield "with 16 shards", f"{idle['worker_percent_16_shards']:.2f} %"
        yield "Flower beside it", f"{idle['beside_flower']['flower']:.2f} %"
    yield "its connections to Redis", cell(idle["redis_connections"])
    for linger, of in latency["by_linger"].items():
        yield f"`enqueue` to arrival beyond a linger of {linger} ms", f"p50 {of['p50']:.0f}, p95 {of['p95']:.0f} ms"


def _rewrite(of: dict[str, Any]) -> Table:
    yield f"AOF rewrite with {count(of['queued'])} events", "measured"
    yield "time, of it fork", f"{of['seconds']} s, {of['fork_ms']} ms"
    yield "memory in use; most of Redis and its child", " ; ".join(map(named_bytes, _heavy(of)))
    yield "the new AOF", named_bytes(of["aof_bytes"])
    for step, meanwhile in of["round_trips_us"]["meanwhile"].items():
        before, told = of["round_trips_us"]["before"][step], "p50 {p50:.0f}, p99 {p99:.0f}, max {max:.0f} µs"
        yield f"{step}, before; meanwhile", f"{told.format(**before)}; {told.format(**meanwhile)}"


def _heavy(of: Json) -> tuple[int, int]:
    return of["used_memory_bytes"], of["peak_bytes"]


def _sized(growth: Json, compare: Json | None, settings: Settings, *, sessions: bool) -> Table:
    of = figures(growth, compare, sessions=sessions)
    sized = [needs(Load(rate, sessions=sessions, accounts=8 * rate // RATES[0]), of, settings) for rate in RATES]
    yield "events a second", *(count(rate) for rate in RATES)
    for name, told in ROWS.items():
        yield name, *(told(each) for each in sized)


ROWS: dict[str, Callable[[Needs], str]] = {
    "events of a request": lambda of: f"{of.a_request:.0f}",
    "requests a second": lambda of: count(of.requests),
    "requests in flight; of an account": lambda of: f"{of.in_flight}; {of.of_account}",
    "Redis: share of its thread": lambda of: share(of.redis_share),
    "Redis servers": lambda of: f"{of.redises}",
    "cores of workers": lambda of: "-" if of.worker_cores is None else f"{of.worker_cores:.2f}",
    "`FORWARDER_SHARDS`, processes of pools": lambda of: f"{of.shards}",
    "connections to Redis; to Rokt": lambda of: f"{of.connections}; {of.to_rokt}",
    "memory: backlog": lambda of: named_bytes(of.backlog_bytes),
    "memory: index of ids": lambda of: named_bytes(of.index_bytes),
    "memory: records": lambda of: named_bytes(of.record_bytes),
    "`maxmemory`; its machine": lambda of: f"{named_bytes(of.maxmemory)}; {named_bytes(of.machine_bytes)}",
    "disk of the AOF": lambda of: named_bytes(of.disk_bytes),
    "Celery messages a second, at most": lambda of: f"{of.messages:.1f}",
}

__all__ = ["ROWS", "drawn", "largest"]
