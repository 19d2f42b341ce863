"""Carries a plan out: kills and fault rules at their times, until the storm is over."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple, TypeVar

from tests.chaos.plan import KINDS, LEASE_S, Phase, Plan, Rule, Strike, lasting, phases, strikes
from tests.chaos.stage import Stage
from tests.chaos.stopped import Kill
from tests.support.sandbox import Sandbox

STOPPED_S = LEASE_S + 1
Step = TypeVar("Step", Strike, Phase)


class Weather(NamedTuple):
    """What a storm did: its kills, and how often a fault of each kind met a request."""

    kills: list[Kill]
    faults: Counter[str]


def rage(plan: Plan, stage: Stage) -> Weather:
    """Returns when the storm is over; only what is never taken for its content is still refused then."""
    stage.sandbox.faults(*lasting(plan))
    over = threading.Event()
    sky = Sky(stage.sandbox)
    kills: list[Kill] = []
    began = time.monotonic()
    with ThreadPoolExecutor(2, "storm") as threads:
        both = [
            threads.submit(
                _each_at_its_time, began, strikes(plan), over, lambda one: kills.extend(_strike(stage, one))
            ),
            threads.submit(_each_at_its_time, began, phases(plan), over, sky.change),
        ]
        over.wait(plan.seconds)
        over.set()
        for thread in both:
            thread.result()
    sky.change(Phase(plan.seconds, lasting(plan), plan.seed))
    kills += stage.stopped.go_on()
    stage.raise_the_dead()
    return Weather(kills, sky.fired)


def _each_at_its_time(began: float, steps: Sequence[Step], over: threading.Event, do: Callable[[Step], object]) -> None:
    """A step that takes long makes the next one late; what is late at the end is left out."""
    for step in steps:
        if over.wait(max(0.0, began + step.at - time.monotonic())):
            return
        do(step)


def _strike(stage: Stage, strike: Strike) -> list[Kill]:
    ended = stage.stopped.go_on(min_s=STOPPED_S)
    if strike.kind == "redis":
        return ended + stage.kill_redis(strike.down_s, strike.which if strike.with_worker else None)
    if strike.kind == "stop":
        stage.stop_worker(strike.which)
        return ended
    return ended + (stage.kill_worker(strike.which) if strike.kind == "worker" else stage.kill_child(strike.which))


class Sky:
    """The sandbox's rules, and how often those of each kind fired."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._rules: Sequence[Rule] = ()
        self.fired: Counter[str] = Counter()

    def change(self, phase: Phase) -> None:
        for rule, times in zip(self._rules, self._sandbox.fired(), strict=False):
            self.fired[_kind_of(rule)] += times
        self._sandbox.faults(*phase.rules, seed=phase.seed)
        self._rules = phase.rules


def _kind_of(rule: Rule) -> str:
    """The name of a passing fault; of a lasting one its code."""
    kinds = [name for name, fault in KINDS.items() if fault.items() <= rule.items()]
    return kinds[0] if kinds else str(rule["code"])
