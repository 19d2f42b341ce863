"""Times, their spelling, and the windows that Rokt takes."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from producers.clock import DAY_MS, Window, now_ms, parse_rfc3339_utc, rfc3339

EIGHTEEN_MONTHS = Window(months=18)
YEAR_1, YEAR_10000 = parse_rfc3339_utc("0001-01-01T00:00:00Z"), 253_402_300_800_000


def ms(text: str) -> int:
    return parse_rfc3339_utc(text)


@pytest.mark.parametrize(
    ("text", "equal"),
    [
        ("2026-11-22T10:21:29Z", "2026-11-22T10:21:29.000Z"),
        ("2026-11-22T10:21:29.3Z", "2026-11-22T10:21:29.300Z"),
        ("2026-11-22T10:21:29.339Z", "2026-11-22T10:21:29.339Z"),
        ("2026-11-22T10:21:29.339999999Z", "2026-11-22T10:21:29.339Z"),
        ("2026-11-22T10:21:29+00:00", "2026-11-22T10:21:29.000Z"),
        ("2026-11-22T10:21:29-00:00", "2026-11-22T10:21:29.000Z"),
        ("2024-02-29T23:59:59.999Z", "2024-02-29T23:59:59.999Z"),
        ("1969-12-31T23:59:59.999Z", "1969-12-31T23:59:59.999Z"),
        ("9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59.999Z"),
    ],
)
def test_rfc3339_in_utc_is_read_to_the_millisecond(text: str, equal: str) -> None:
    assert rfc3339(parse_rfc3339_utc(text)) == equal


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-11-22",
        "10:21:29Z",
        "2026-11-22T10:21:29",
        "2026-11-22 10:21:29Z",
        "2026-11-22T10:21Z",
        "2026-11-22T10:21:29.Z",
        "2026-11-22T10:21:29,339Z",
        "2026-11-22T10:21:29.1234567890Z",
        "2026-11-22T10:21:29+01:00",
        "2026-11-22T10:21:29+0000",
        "2026-11-22T10:21:29+00",
        "2026-11-22T10:21:29ZZ",
        "2026-11-22T10:21:29Z\n",
        " 2026-11-22T10:21:29Z",
        "20261122T102129Z",
        "2026-W47-7T10:21:29Z",
        "26-11-22T10:21:29Z",
        "-2026-11-22T10:21:29Z",
        "2026-1-2T10:21:29Z",
        "٢٠٢٦-11-22T10:21:29Z",
        "1795342889339",
        "2026-11-22t10:21:29z",  # RFC 3339 allows it; whether Rokt does is not known, and nobody writes it
    ],
)
def test_another_spelling_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match=r"must be RFC 3339 in UTC, like 2026-11-22T10:21:29\.339Z"):
        parse_rfc3339_utc(text)


@pytest.mark.parametrize(
    "text",
    [
        "2026-02-29T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-00-01T00:00:00Z",
        "2026-11-31T00:00:00Z",
        "2026-11-22T25:00:00Z",
        "2026-11-22T10:60:00Z",
        "2026-11-22T23:59:60Z",
        "0000-01-01T00:00:00Z",
    ],
)
def test_a_time_that_does_not_exist_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a time that exists"):
        parse_rfc3339_utc(text)


@given(st.integers(YEAR_1, YEAR_10000 - 1))
@example(ms("0999-12-31T23:59:59.999Z"))
def test_every_millisecond_is_spelled_and_read_back(at: int) -> None:
    assert parse_rfc3339_utc(rfc3339(at)) == at


@given(st.text(max_size=40))
def test_reading_any_text_gives_a_time_or_a_value_error(text: str) -> None:
    found = YEAR_1
    with contextlib.suppress(ValueError):
        found = parse_rfc3339_utc(text)
    assert YEAR_1 <= found < YEAR_10000


def test_now_is_the_wall_clock() -> None:
    assert ms("2024-01-01T00:00:00Z") < now_ms() < ms("2100-01-01T00:00:00Z")


@pytest.mark.parametrize(
    ("now", "earliest"),
    [
        ("2026-11-22T10:00:00.000Z", "2025-05-22T10:00:00.000Z"),
        ("2026-01-15T00:00:00.000Z", "2024-07-15T00:00:00.000Z"),
        ("2026-06-30T12:00:00.000Z", "2024-12-30T12:00:00.000Z"),
        ("2025-08-29T12:00:00.000Z", "2024-02-29T12:00:00.000Z"),  # a leap day
    ],
)
def test_eighteen_months_are_calendar_months(now: str, earliest: str) -> None:
    assert rfc3339(EIGHTEEN_MONTHS.earliest(ms(now))) == earliest
    expires = EIGHTEEN_MONTHS.expires(ms(earliest))
    assert expires is not None
    assert rfc3339(expires) == now


@given(st.integers(1, 400), st.integers(0, 10**13))
def test_a_window_of_days_is_exact(days: int, now: int) -> None:
    window = Window(days=days)
    assert window.earliest(now) == now - days * DAY_MS
    assert window.expires(now - days * DAY_MS) == now


@given(st.integers(ms("2000-01-01T00:00:00Z"), ms("2100-01-01T00:00:00Z")), st.integers(-(10**6), 700 * DAY_MS))
def test_a_fault_is_given_outside_the_window_and_nowhere_else(now: int, age: int) -> None:
    inside = EIGHTEEN_MONTHS.earliest(now) <= now - age <= now + 300_000
    assert (EIGHTEEN_MONTHS.fault(now - age, now) is None) == inside


@given(st.integers(ms("2000-01-01T00:00:00Z"), ms("2100-01-01T00:00:00Z")), st.integers(500 * DAY_MS, 560 * DAY_MS))
@example(ms("2025-02-28T10:00:00Z"), ms("2026-08-29T08:00:00Z") - ms("2025-02-28T10:00:00Z"))
@example(ms("2024-08-31T10:00:00Z"), ms("2026-02-28T12:00:00Z") - ms("2024-08-31T10:00:00Z"))
def test_an_event_is_taken_until_it_expires_and_never_again(event_time: int, age: int) -> None:
    """What `expires_at` of a dead letter says must be what is done, at the end of a month too."""
    now = event_time + age
    expires = EIGHTEEN_MONTHS.expires(event_time)
    assert expires is not None
    if now != expires:
        assert (EIGHTEEN_MONTHS.fault(event_time, now) is None) == (now < expires)


@given(st.integers(YEAR_1, YEAR_10000 - 1))
def test_no_time_is_too_far_away_for_the_window(at: int) -> None:
    """The arithmetic of months stops at the calendar's ends instead of breaking."""
    EIGHTEEN_MONTHS.expires(at)
    EIGHTEEN_MONTHS.fault(at, ms("2026-11-22T10:00:00Z"))
