"""What a worker with nothing to do costs: CPU of all its processes, at default settings."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.benchmarks.growth.server import Server, started
from tests.integration.support import processes_under
from worker.stack import parts
from worker.stack.child import Child
from worker.stack.ports import free_port

PREFIX = "growth"
FLOOR_PERCENT = 1.0
WARM_S = 5.0  # its start is over
COMMAND = ("worker", "-E")  # as the README has it


def idle(seconds: float, *, variants: bool = True) -> dict[str, Any]:
    """Percent of one core: by process, at default settings; in all with 16 shards; and with Flower beside it."""
    usual, connections = _measured(seconds, {}, with_flower=False)
    found = {
        "seconds": seconds,
        "cpu_percent_by_process": usual,
        "redis_connections": connections,
        "worker_percent": _of_worker(usual),
        "floor": FLOOR_PERCENT,
        "met": _of_worker(usual) < FLOOR_PERCENT,
    }
    if variants:
        many, _ = _measured(seconds, {"FORWARDER_SHARDS": "16"}, with_flower=False)
        found["worker_percent_16_shards"] = _of_worker(many)
        found["beside_flower"], _ = _measured(seconds, {}, with_flower=True)
    return found


def _of_worker(percent: Mapping[str, float]) -> float:
    return round(percent["main"] + percent["pool"], 3)


def _measured(seconds: float, variables: Mapping[str, str], *, with_flower: bool) -> tuple[dict[str, float], int]:
    """Percent of one core by process, and how many connections Redis has of them."""
    with TemporaryDirectory() as folder, started() as server, ExitStack() as stack:
        env = environment(server, **variables)
        programs = {"main": stack.enter_context(worker_on(server, env, Path(folder)))}
        if with_flower:
            programs["flower"] = stack.enter_context(_flower(env, Path(folder)))
        time.sleep(WARM_S)
        before, redis = {name: _spent(child.pid) for name, child in programs.items()}, _cpu_s(server.pid)
        time.sleep(seconds)
        spent = {name: _since(before[name], _spent(child.pid)) for name, child in programs.items()}
        used = {name: each.pop(programs[name].pid) for name, each in spent.items()}
        used |= {"pool": sum(spent["main"].values()), "redis": _cpu_s(server.pid) - redis}
        connections = int(server.redis.info("clients")["connected_clients"]) - 1  # but the one that asks
        return {name: round(100 * s / seconds, 3) for name, s in used.items()}, connections


def _since(before: Mapping[int, float], now: Mapping[int, float]) -> dict[int, float]:
    return {pid: seconds - before.get(pid, 0.0) for pid, seconds in now.items()}


def environment(server: Server, **variables: str) -> dict[str, str]:
    """Nothing but what is told: all else is the default."""
    return parts.clean(os.environ, FORWARDER_REDIS_URL=server.url, FORWARDER_KEY_PREFIX=PREFIX, **variables)


@contextmanager
def worker_on(server: Server, env: Mapping[str, str], folder: Path, *options: str) -> Iterator[Child]:
    child = Child(
        "the worker", parts.celery(folder, *COMMAND, *options), env, folder / "worker.log", grace_s=40
    ).start()
    try:
        parts.wait_for_worker(server.redis, PREFIX, child)
        yield child
    finally:
        child.stop()


@contextmanager
def _flower(env: Mapping[str, str], folder: Path) -> Iterator[Child]:
    child = parts.flower(env, folder, free_port(), parts.new_password()).start()
    try:
        yield child
    finally:
        child.stop()


def _spent(pid: int) -> dict[int, float]:
    """Seconds of CPU of a process and of each that descends from it."""
    return {each: _cpu_s(each) for each in processes_under(pid)}


def _cpu_s(pid: int) -> float:
    """Of all threads, to the nanosecond: ticks of 10 ms would be too coarse."""
    tasks = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(task.read_text().split()[0]) for task in tasks) / 1e9
