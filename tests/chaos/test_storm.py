"""No event is lost, whatever dies: the storm in short. `make storm` has the long one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos.events import ACCOUNTS
from tests.chaos.marks import can_bear, code_of
from tests.chaos.plan import KINDS, Plan, phases, strikes
from tests.chaos.storm import run


@pytest.mark.timeout(300)
def test_no_event_is_lost_whatever_dies(tmp_path: Path) -> None:
    """Nor out of order, nor dead without fault, nor twice without a reason; and the ledger balances all the time."""
    plan = Plan(seconds=18, seed=7)
    summary = run(plan, tmp_path)
    assert summary.broken == []
    assert summary.strikes["worker"] >= 3
    assert summary.strikes["child"] >= 1
    assert summary.strikes["redis"] == 2
    assert summary.strikes["stop"] >= 1
    assert {"200", "201", "207", "none"} < summary.requests_by_status.keys()
    assert min(summary.delivered.values()) > 100
    assert {"event-api StormRefused", "server-events StormRefused"} <= summary.dead_by_code.keys() <= letters(plan)
    assert 0 < summary.duplicates <= summary.duplicates_possible
    assert summary.ledger_looks > 50


def letters(plan: Plan) -> set[str]:
    """Every destination and code under which an event of this plan may die."""
    marks = plan.faults.marks()
    return {f"{to} {code_of(to, mark)}" for to in ACCOUNTS for mark in marks if can_bear(to, mark)}


def test_a_seed_repeats_the_plan() -> None:
    plan = Plan(seconds=600, seed=7)
    assert strikes(plan) == strikes(Plan(seconds=600, seed=7))
    assert phases(plan) == phases(Plan(seconds=600, seed=7))
    assert strikes(plan) != strikes(Plan(seconds=600, seed=8))


@pytest.mark.parametrize("seed", range(20))
def test_ten_minutes_hold_every_fault_a_hundred_workers_and_ten_redis(seed: int) -> None:
    plan = Plan(seconds=600, seed=seed)
    kinds = [strike.kind for strike in strikes(plan)]
    assert kinds.count("worker") >= 120
    assert kinds.count("child") >= 120
    assert kinds.count("redis") >= 10
    assert kinds.count("stop") >= 20
    rules = [rule for phase in phases(plan) for rule in phase.rules]
    assert all(any(fault.items() <= rule.items() for rule in rules) for fault in KINDS.values())
