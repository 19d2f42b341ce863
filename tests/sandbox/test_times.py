"""RFC 3339 in UTC, and calendar months."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.sandbox.times import Window, months_before, parse_utc


@pytest.mark.parametrize(
    ("text", "microsecond"),
    [
        ("2026-02-03T04:05:06Z", 0),
        ("2026-02-03t04:05:06z", 0),
        ("2026-02-03T04:05:06+00:00", 0),
        ("2026-02-03T04:05:06-00:00", 0),
        ("2026-02-03T04:05:06.7Z", 700_000),
        ("2026-02-03T04:05:06.123456789Z", 123_456),
        ("2026-02-03T04:05:06.12+00:00", 120_000),
    ],
)
def test_every_form_of_utc_in_rfc_3339_is_read(text: str, microsecond: int) -> None:
    assert parse_utc(text) == datetime(2026, 2, 3, 4, 5, 6, microsecond, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-02-03",
        "2026-02-03T04:05:06",
        "2026-02-03T04:05Z",
        "2026-02-03 04:05:06Z",
        "2026-02-03T04:05:06+01:00",
        "2026-02-03T04:05:06-08:00",
        "2026-02-03T04:05:06.Z",
        "2026-02-03T04:05:06Z\n",
        "2026-02-30T04:05:06Z",
        "2026-13-03T04:05:06Z",
        "0000-01-01T00:00:00Z",
        "2026-02-03T24:00:00Z",
        "2026-02-03T04:60:06Z",
        "20260203T040506Z",
        "2026-W05-2T04:05:06Z",
        "1770091506",
        "２０２６-02-03T04:05:06Z",  # noqa: RUF001 - digits, but not those of RFC 3339
    ],
)
def test_anything_else_is_not_a_time(text: str) -> None:
    assert parse_utc(text) is None


@given(st.datetimes(timezones=st.just(UTC), min_value=datetime(1000, 1, 1)))  # noqa: DTZ001 - hypothesis asks for it
def test_a_time_that_python_writes_is_read_as_the_same(moment: datetime) -> None:
    assert parse_utc(moment.isoformat()) == moment


@given(st.text())
def test_no_text_raises(text: str) -> None:
    assert parse_utc(text) is None or len(text) >= len("2026-02-03T04:05:06Z")


@pytest.mark.parametrize(
    ("now", "oldest"),
    [
        ((2026, 7, 15), (2025, 1, 15)),
        ((2026, 6, 30), (2024, 12, 30)),
        ((2026, 1, 1), (2024, 7, 1)),
        ((2025, 8, 31), (2024, 2, 29)),
        ((2026, 8, 31), (2025, 2, 28)),
        ((2026, 5, 31), (2024, 11, 30)),
        ((2025, 12, 31), (2024, 6, 30)),
    ],
)
def test_eighteen_months_are_calendar_months(now: tuple[int, int, int], oldest: tuple[int, int, int]) -> None:
    assert months_before(datetime(*now, tzinfo=UTC), 18) == datetime(*oldest, tzinfo=UTC)
    assert Window.at(datetime(*now, tzinfo=UTC)).oldest == datetime(*oldest, tzinfo=UTC)
