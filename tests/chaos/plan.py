"""What a storm will do, drawn from its seed before it begins: whom it kills when, and how the sandbox fails when."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any, Literal, NamedTuple

from tests.chaos.marks import POISON, REFUSED, rules_of

HTTP_TIMEOUT_S = 2.0
LEASE_S = 6.0
Rule = dict[str, Any]


@dataclass(frozen=True)
class Faults:
    """How the sandbox fails. `poison`: it also refuses whole requests (400) for one event in them.

    That needs workers that find the one event: where a 400 makes the whole request dead, leave it off.
    """

    passing: bool = True
    refused: bool = True
    poison: bool = True

    def marks(self) -> list[str]:
        """Why single events will never be taken."""
        return [mark for mark, wanted in ((REFUSED, self.refused), (POISON, self.poison)) if wanted]


@dataclass(frozen=True)
class Plan:
    """`rate`: events a second. `pause_s`: between two kills, on average; every second one is a whole worker."""

    seconds: float
    seed: int
    rate: float = 250
    workers: int = 3
    concurrency: int = 2
    pause_s: float = 2.0
    redis_every_s: float = 45
    stop_every_s: float = 20
    faults: Faults = Faults()

    @property
    def redis_kills(self) -> int:
        return max(2, round(self.seconds / self.redis_every_s))


class Strike(NamedTuple):
    """One kill, `at` seconds after the start. `which`: a number that chooses the victim among those there are.

    `down_s`: how long Redis stays away; `with_worker`: a worker is killed meanwhile. A "stop" kills nobody: a worker
    stands still until its leases are over, and goes on then.
    """

    at: float
    kind: Literal["worker", "child", "redis", "stop"]
    which: int = 0
    down_s: float = 0.0
    with_worker: bool = False


class Phase(NamedTuple):
    """From `at` seconds on the sandbox has these rules, and its draws begin from `seed`."""

    at: float
    rules: list[Rule]
    seed: int


def strikes(plan: Plan) -> list[Strike]:
    """All kills, in their order. The same plan gives the same ones."""
    rng = random.Random(f"{plan.seed}: strikes")
    return sorted([*_kills(plan, rng), *_redis_kills(plan, rng), *_stops(plan, rng)])


def _kills(plan: Plan, rng: random.Random) -> Iterator[Strike]:
    at, turns = plan.pause_s, _turns(plan.workers, rng)
    for number in count():
        if at >= plan.seconds:
            return
        if number % 2:
            yield Strike(at, "worker", next(turns))
        else:
            yield Strike(at, "child", rng.randrange(plan.workers * plan.concurrency))
        at += plan.pause_s * rng.uniform(0.6, 1.4)


def _turns(workers: int, rng: random.Random) -> Iterator[int]:
    """Each worker once, in any order, again and again: so that none is always killed while it starts."""
    while True:
        yield from rng.sample(range(workers), workers)


def _redis_kills(plan: Plan, rng: random.Random) -> Iterator[Strike]:
    """Spread evenly. Some are short, and some longer than what is left of many leases."""
    every = plan.seconds / plan.redis_kills
    for number in range(plan.redis_kills):
        at = every * (number + 0.5) + rng.uniform(-0.1, 0.1) * every
        yield Strike(at, "redis", rng.randrange(plan.workers), rng.choice((0.0, 0.5, 1.5, 3.0)), number % 2 == 1)


def _stops(plan: Plan, rng: random.Random) -> Iterator[Strike]:
    at = rng.uniform(0.1, 0.3) * plan.stop_every_s
    while at < plan.seconds:
        yield Strike(at, "stop", rng.randrange(plan.workers))
        at += plan.stop_every_s * rng.uniform(0.8, 1.2)


def phases(plan: Plan) -> list[Phase]:
    """How the sandbox fails over time; what it refuses for an event's content it refuses always."""
    rng, at, found = random.Random(f"{plan.seed}: phases"), 0.0, []
    while plan.faults.passing and at < plan.seconds:
        rules = [_rule(kind, rng) for kind in rng.sample(sorted(KINDS), rng.randint(2, 4))]
        found.append(Phase(at, [*lasting(plan), *rules], rng.randrange(2**31)))
        at += rng.uniform(2.0, 5.0)
    return found


def lasting(plan: Plan) -> list[Rule]:
    """The rules that stay when all other faults have ended."""
    return [rule for mark in plan.faults.marks() for rule in rules_of(mark)]


def _rule(kind: str, rng: random.Random) -> Rule:
    return {**KINDS[kind], "probability": round(rng.uniform(0.05, 0.3), 3)}


KINDS: dict[str, Rule] = {
    "500": {"status": 500},
    "503 from a proxy": {"status": 503, "body": "<html>503 Service Unavailable</html>"},
    "429 with Retry-After": {"status": 429, "retry_after": "1"},
    "late": {"delay": 0.4},
    "too late": {"delay": HTTP_TIMEOUT_S + 0.6},
    "cut before": {"close": "before"},
    "cut after": {"close": "after"},
}
