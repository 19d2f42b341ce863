"""One run: a Redis, a sink, a shop and workers of its own, from the first event to the verdict."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec

from tests.benchmarks.compare.callers import WARM, Callers
from tests.benchmarks.compare.checking import Verdict
from tests.benchmarks.compare.cpu import used
from tests.benchmarks.compare.plan import Case
from tests.benchmarks.compare.programs import Broken, Program
from tests.benchmarks.compare.systems import SYSTEMS, Place, System
from tests.redis.certificates import Authority
from worker.stack.child import Child
from worker.stack.redis_server import EmbeddedRedis

DRAIN = "drain"
COROUTINES = 64  # of `async64`, of all processes together
NO_REWRITE = {"auto-aof-rewrite-percentage": "0"}  # its fork and its copies are another question
LOOK_S = 0.02
QUIET_S = 0.5  # after the last event, in which one that was doubled would come, and all is settled
PATIENCE_S = 300.0
SILENCE_S = 25.0  # without an arrival: then the rest is lost


class Figure(msgspec.Struct, frozen=True):
    """Of one run. `rate`: events a second; `cpu`: seconds of the processor for 1,000 events, by part."""

    rate: float
    cpu: dict[str, float]
    requests: int
    body_bytes: int
    start_s: float  # from the start of the worker to its first request; of a drain alone
    enqueue_us: dict[str, int] = {}
    faults: tuple[str, ...] = ()  # why this is no figure
    disordered: int = 0
    sizes: dict[str, int] = {}


def run(case: Case) -> Figure:
    """Raises `Broken` if a program ended or was silent."""
    with TemporaryDirectory(prefix="bench-") as name, ExitStack() as stack:
        folder = Path(name)
        redis = stack.enter_context(EmbeddedRedis(folder / "redis", options=NO_REWRITE))
        ca, sink = _sink(stack, folder, case)
        url = str(sink.hear()["url"])
        place = Place(folder, redis.url, url, ca, case.workload, case.mode, COROUTINES // case.callers)
        bench = _Bench(case, SYSTEMS[case.system], place, redis, sink, stack)
        return bench.drained() if case.mode == DRAIN else bench.through()


def _sink(stack: ExitStack, folder: Path, case: Case) -> tuple[Path | None, Program]:
    options, ca = ["--delay-ms", str(case.sink_ms)], None
    if case.tls:
        authority = Authority(folder)
        certificate, key = authority.signed("sink")
        ca = authority.ca
        options += ["--certificate", str(certificate), "--key", str(key)]
    argv = [sys.executable, "-m", "tests.benchmarks.compare.sink", *options]
    return ca, stack.enter_context(Program("the sink", argv, os.environ, folder / "sink.log"))


class _Bench:
    def __init__(
        self, case: Case, system: System, place: Place, redis: EmbeddedRedis, sink: Program, stack: ExitStack
    ) -> None:
        self._case, self._system, self._place = case, system, place
        self._redis, self._sink, self._stack = redis, sink, stack
        self._env = system.env(place)
        self._alive: list[Child] = []
        self._roots = {"redis": redis.pid, "sink": sink.pid}
        self._callers = Callers(stack, system.shop(place), self._env, place.folder, case.callers)
        self._roots |= self._callers.pids

    def drained(self) -> Figure:
        """From the first request to the last, without the events of the first."""
        made = self._callers.make("e", self._case.events, PATIENCE_S)
        sent = self._callers.send(PATIENCE_S)
        began = time.monotonic()
        with self._working():
            self._wait(1)
            before = used(self._roots)
            came = self._arrived(self._case.events)
            checked = self._checked(made)
        cpu = {name: seconds - before[name] for name, seconds in came["cpu"].items()}
        counted = came["events"] - checked["in_first"]
        return self._figure(came, checked, counted, came["first"], cpu, sent, came["first"] - began)

    def through(self) -> Figure:
        """From the first call of the shops to the last arrival; the worker has worked before."""
        with self._working():
            self._callers.make("warm", WARM, PATIENCE_S)
            self._callers.send(PATIENCE_S)
            self._arrived(WARM)
            self._sink.ask("reset")
            made = self._callers.make("e", self._case.events, PATIENCE_S)
            before = used(self._roots)
            sent = self._callers.send(PATIENCE_S)
            came = self._arrived(self._case.events)
            checked = self._checked(made)
        cpu = {name: seconds - before[name] for name, seconds in came["cpu"].items()}
        return self._figure(came, checked, came["events"], sent["first"], cpu, sent, 0.0)

    def _figure(
        self,
        came: Mapping[str, Any],
        checked: Mapping[str, Any],
        counted: int,
        began: float,
        cpu: Mapping[str, float],
        sent: Mapping[str, Any],
        start_s: float,
    ) -> Figure:
        verdict = msgspec.convert(checked["verdict"], Verdict)
        faults = [*verdict.faults(ordered=self._system.ordered), *came["faults"]]
        took = max(1e-3, came["last"] - began)
        return Figure(
            rate=round(counted / took, 1),
            cpu={name: round(1_000 * seconds / self._case.events, 5) for name, seconds in cpu.items()},
            requests=verdict.requests,
            body_bytes=verdict.body_bytes,
            start_s=round(start_s, 2),
            enqueue_us=sent["enqueue_us"],
            faults=tuple(faults + list(verdict.quoted if faults else ())),
            disordered=verdict.disordered,
            sizes=checked["sizes"],
        )

    @contextmanager
    def _working(self) -> Iterator[None]:
        children = self._system.worker(self._place, self._env)
        try:
            self._roots |= {f"worker {number}": child.pid for number, child in enumerate(children)}
            self._alive = children
            yield
        finally:
            for child in children:
                child.kill()

    def _checked(self, made: list[str]) -> dict[str, Any]:
        answer: dict[str, Any] = self._sink.ask(f"check {self._case.workload} {' '.join(made)}", PATIENCE_S)
        return answer

    def _wait(self, events: int) -> dict[str, Any]:
        """What the sink counts once that many came, or when none came for long."""
        began = heard = time.monotonic()
        seen = -1
        while True:
            came: dict[str, Any] = self._sink.ask("count")
            now = time.monotonic()
            if came["events"] != seen:
                heard, seen = now, came["events"]
            if seen >= events or came["faults"] or now - heard > SILENCE_S or now - began > PATIENCE_S:
                return came
            if ended := [child for child in self._alive if not child.running]:
                raise Broken(ended[0].ending())
            time.sleep(LOOK_S)

    def _arrived(self, events: int) -> dict[str, Any]:
        """The same; then it waits for what comes too often and for what is settled, and reads the clocks."""
        self._wait(events)
        time.sleep(QUIET_S)
        cpu = used(self._roots)
        return {**self._sink.ask("count"), "cpu": cpu}
