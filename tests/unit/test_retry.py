"""When a batch is tried again. The document asks for exponential backoff; the design for six hours without a loss."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.samples import batch
from worker.retry import RetryPolicy
from worker.settings import DeliverySettings

DEFAULT = RetryPolicy()
SIX_HOURS_MS = 6 * 3_600_000
jitters = st.floats(0, 1, allow_nan=False)
seconds = st.floats(0.001, 86_400, allow_nan=False)
policies = st.builds(RetryPolicy, st.just(1.0), seconds, seconds, st.just(120))


@given(jitters)
def test_the_first_delay_is_one_to_two_seconds(jitter: float) -> None:
    assert 1000 <= DEFAULT.delay_ms(1, jitter) <= 2000


@given(st.integers(1, 10**9), jitters)
def test_a_delay_is_never_longer_than_the_longest(attempts: int, jitter: float) -> None:
    """Nor does a large number of attempts overflow."""
    assert 1000 <= DEFAULT.delay_ms(attempts, jitter) <= 600_000


@given(policies, st.integers(1, 200), jitters)
def test_with_the_same_jitter_a_later_delay_is_never_shorter(policy: RetryPolicy, attempts: int, jitter: float) -> None:
    assert policy.delay_ms(attempts, jitter) <= policy.delay_ms(attempts + 1, jitter)


@given(policies, st.integers(1, 200), jitters, jitters)
def test_more_jitter_is_never_a_shorter_delay(policy: RetryPolicy, attempts: int, less: float, more: float) -> None:
    less, more = sorted((less, more))
    assert policy.delay_ms(attempts, less) <= policy.delay_ms(attempts, more)


def test_the_ceiling_doubles_until_the_longest() -> None:
    ceilings = [DEFAULT.delay_ms(attempts, 1.0) for attempts in range(1, 13)]
    assert ceilings == [2000, 4000, 8000, 16000, 32000, 64000, 128000, 256000, 512000, 600000, 600000, 600000]


def test_the_jitter_is_full() -> None:
    """Workers that failed together do not come back together: the delay may be anywhere above the shortest."""
    assert [DEFAULT.delay_ms(10, jitter) for jitter in (0.0, 0.5, 1.0)] == [1000, 300_500, 600_000]


def test_a_shorter_first_delay_is_obeyed() -> None:
    """Tests and sandboxes ask for less than a second."""
    quick = RetryPolicy(first_s=0.2, longest_s=0.5)
    assert quick.delay_ms(1, 0.0) == quick.delay_ms(1, 1.0) == 200
    assert quick.delay_ms(50, 1.0) == 500


@pytest.mark.parametrize(("attempts", "over"), [(1, False), (119, False), (120, True), (121, True)])
def test_the_last_attempt_is_the_one_hundred_and_twentieth(attempts: int, over: bool) -> None:
    assert DEFAULT.exhausted(batch(1, attempts=attempts)) == over


def test_the_policy_and_the_settings_have_the_same_defaults() -> None:
    settings = DeliverySettings()
    assert (DEFAULT.first_s, DEFAULT.longest_s, DEFAULT.max_attempts) == (
        settings.retry_first_s,
        settings.retry_longest_s,
        settings.max_attempts,
    )


def test_six_hours_without_rokt_are_ridden_out() -> None:
    """In each of 10,000 seeded runs the last attempt comes more than six hours after the first."""
    jitter = random.Random(20261122)
    attempts = range(1, DEFAULT.max_attempts)
    shortest = min(sum(DEFAULT.delay_ms(each, jitter.random()) for each in attempts) for _ in range(10_000))
    assert shortest > SIX_HOURS_MS
