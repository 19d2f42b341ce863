"""The consumer's step that beats the pulse, as Celery starts and stops it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

from worker.lifecycle.consumer_step import ConsumerStep


def consumer() -> Any:
    return SimpleNamespace(pool=SimpleNamespace(), timer=Mock())


def test_a_step_that_was_never_started_can_be_stopped() -> None:
    """Celery stops all steps where an earlier one failed: a broker that refuses the first command."""
    one = consumer()
    ConsumerStep(one).stop(one)


def test_a_stop_ends_the_timer_of_the_last_start() -> None:
    one = consumer()
    step = ConsumerStep(one)
    step.start(one)
    step.stop(one)
    one.timer.call_repeatedly.return_value.cancel.assert_called_once_with()
