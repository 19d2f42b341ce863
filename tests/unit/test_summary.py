"""What a task tells Flower: a few numbers and codes."""

from __future__ import annotations

import json

import pytest

from producers.destinations.outcomes import Delivered, Reason, Rejected, Retry
from worker.buffer.batches import Death, Settled, Settlement
from worker.delivery.summary import Summary

DEATH = Death("e-1", "ValidationError", 0, b"john@example.com")


def test_a_run_adds_up() -> None:
    summary = Summary(requests=2)
    summary.add(Settlement(98, (DEATH, DEATH)), Delivered({0: (Reason("ValidationError", "x"),)}))
    summary.add(Settlement(0), Retry((Reason("Timeout", "x"),)))
    assert summary.shown() == {
        "delivered": 98,
        "requests": 2,
        "attempts": 2,
        "failed": 1,
        "dead": 2,
        "parked": 0,
        "replayed": 0,
        "circuit_opened": 0,
        "codes": {"ValidationError": 2, "Timeout": 1},
    }


def test_a_run_fails_if_every_attempt_did() -> None:
    summary = Summary()
    assert not summary.delivery_fails
    summary.add(Settlement(0), Retry((Reason("Timeout", ""),)))
    summary.add(Settlement(0), Rejected((Reason("RequestValidationError", ""),)))
    summary.broke()
    assert summary.delivery_fails
    summary.add(Settlement(1), Delivered())
    assert not summary.delivery_fails


@pytest.mark.parametrize("settled", [Settled.ACCOUNT_PARKED, Settled.CIRCUIT_OPENED])
def test_a_run_fails_if_an_account_was_parked_or_the_circuit_opened(settled: Settled) -> None:
    """Though other requests were taken: Flower is red when somebody should look."""
    summary = Summary()
    summary.add(Settlement(1), Delivered())
    summary.settled(Settled.DONE)
    assert not summary.delivery_fails
    summary.settled(Settled.DONE | settled)
    assert summary.delivery_fails


def test_an_attempt_that_broke_is_counted_and_named() -> None:
    summary = Summary()
    summary.broke()
    assert (summary.attempts, summary.failed, summary.codes["AttemptBroke"]) == (1, 1, 1)


def test_what_is_shown_is_small_and_holds_no_event_and_no_message() -> None:
    summary = Summary()
    for number in range(50):
        summary.add(Settlement(0, (DEATH,)), Retry((Reason(f"Code{number}", "john@example.com"),)))
    shown = json.dumps(summary.shown())
    assert "john" not in shown
    assert "e-1" not in shown
    assert len(summary.codes) == 51
    assert shown.count("Code") <= 5
