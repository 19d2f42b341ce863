"""When a batch is tried again. The document asks for exponential backoff; the design for six hours without a loss."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.samples import NOW, batch
from worker.delivery.retry import RetryPolicy, retry_after_ms
from worker.settings import DeliverySettings

DEFAULT = RetryPolicy()
SIX_HOURS_MS = 6 * 3_600_000
jitters = st.floats(0, 1, allow_nan=False)
seconds = st.floats(0.001, 86_400, allow_nan=False)
policies = st.builds(RetryPolicy, st.just(1.0), seconds, st.floats(1, 10), jitters, seconds, st.just(120))


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


@pytest.mark.parametrize(
    ("spent", "probe", "tried_for_s", "over"),
    [
        (120, 0, 0, True),
        (120, 1, 0, False),  # the probe of an open circuit spends no attempt
        (500, 1, 259_199, False),
        (1, 0, 259_199, False),
        (1, 0, 259_200, True),
        (1, 1, 259_200, True),
    ],
)
def test_a_batch_ends_with_its_last_attempt_or_by_its_age(spent: int, probe: int, tried_for_s: int, over: bool) -> None:
    tried = batch(1, attempts=spent, probe=probe, tried_for=tried_for_s * 1000)
    assert DEFAULT.exhausted(tried) == over


@given(policies, st.integers(1, 200), jitters)
def test_without_jitter_the_delay_is_the_ceiling(policy: RetryPolicy, attempts: int, jitter: float) -> None:
    certain = policy._replace(jitter=0.0)
    assert certain.delay_ms(attempts, jitter) == policy.delay_ms(attempts, 1.0)


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("2", 2_000),
        (" 2 ", 2_000),
        ("0.5", 500),
        ("Sun, 22 Nov 2026 10:00:30 GMT", 30_000),
        ("Sunday, 22-Nov-26 10:00:30 GMT", 30_000),
        ("Sun Nov 22 10:00:30 2026", 30_000),
        ("Sun, 22 Nov 2026 09:59:30 GMT", 0),  # over already
        ("999999999", 3_600_000),
        ("Sun, 22 Nov 9999 09:59:30 GMT", 3_600_000),
        *((nothing, 0) for nothing in ("", "soon", "-5", "nan", "inf", "-inf", "1e999", "99:99", "22 Nov", "\0", "٢x")),
    ],
)
def test_the_time_that_an_answer_asks_for(text: str, ms: int) -> None:
    """Seconds or a date of any of the three forms of RFC 9110; a stranger's text never holds anybody for long."""
    assert retry_after_ms(text, NOW, 3_600) == ms


@given(st.text(max_size=40))
def test_no_text_holds_longer_than_the_longest(text: str) -> None:
    assert 0 <= retry_after_ms(text, NOW, 60) <= 60_000


numbers = st.integers(-1, 99) | st.integers(0, 10**20)
months = st.sampled_from(["Nov", "Jan", "Xyz", "11"])
zones = st.sampled_from(["GMT", "", "-0000", "+9999", "-9999", "+99999999999", "EST", "Z"])


@given(numbers, months, st.integers(0, 10_000) | numbers, numbers, numbers, zones)
def test_what_is_nearly_a_date_holds_nobody_longer_either(
    day: int, month: str, year: int, hour: int, second: int, zone: str
) -> None:
    """Days that no month has, years before the first, zones beyond the day line."""
    for text in (f"Sun, {day} {month} {year} {hour}:00:{second} {zone}", f"Sun {month} {day} {hour}:0:{second} {year}"):
        assert 0 <= retry_after_ms(text, NOW, 60) <= 60_000
