"""An outage under load with a worker and the sandbox: nothing is missing, sessions are in order, calls return soon."""

from __future__ import annotations

from pathlib import Path

from tests.spool.measure_outage import Plan, measure

GENEROUS_MS = 2_000  # of a busy machine, over the budget


def test_an_outage_costs_no_event_no_order_and_no_call_its_budget(tmp_path: Path) -> None:
    """Redis is frozen; one of two producers is killed. What comes twice had timed out, or was the killed one's."""
    told = measure(Plan(seconds=4, frozen=True, rate=60, processes=2), tmp_path)
    assert told.spooled > 50, told
    assert (told.missing, told.failed, told.disordered, told.unexplained) == (0, 0, 0, 0), told
    assert told.sessions >= 10
    assert told.duplicates == 0, told
    assert told.slowest_ms < told.budget_ms + GENEROUS_MS, told
    assert told.balanced, told
