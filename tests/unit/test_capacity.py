"""The capacity page says what was measured, and the calculator's formulas are those of the page."""

from __future__ import annotations

import sys

import pytest

from tests.benchmarks.capacity.__main__ import PAGE, defaults, main, read
from tests.benchmarks.capacity.figures import Figures, Line, figures
from tests.benchmarks.capacity.page import drawn
from tests.benchmarks.capacity.sizing import Load, Settings, filled, needs

FIGURES = Figures(
    append=Line(100, 10),
    drain=Line(200, 2),
    worker=Line(1_000, 5),
    factor=1.1,
    index_bytes=30,
    record_bytes=250,
    heaviest=1.2,
    aof_share=0.9,
    connections=6,
)
SETTINGS = Settings(in_flight=32, account_in_flight=8)


def test_the_page_holds_what_the_files_of_measurements_give() -> None:
    """Else: `python -m tests.benchmarks.capacity`."""
    page = PAGE.read_text("utf-8")
    assert drawn(page, *read(), defaults()) == page
    assert page.count("<!-- drawn: ") == page.count("<!-- end -->") == 8


def test_a_floor_that_was_missed_is_not_hidden() -> None:
    growth, compare = read()
    worse = {**growth, "ratios": [{**row, "value": 9.87} for row in growth["ratios"]]}
    assert "9.87 times" in drawn(PAGE.read_text("utf-8"), worse, compare, defaults())


def test_requests_in_flight_are_what_littles_law_says_with_room_for_as_many_again() -> None:
    load = Load(events_a_second=1_000, hours=6, catch_up_hours=6, a_request=10, latency_ms=150)
    of = needs(load, FIGURES, SETTINGS)
    assert of.requests == 200  # twice what comes, since the backlog is sent beside it
    assert of.in_flight == 2 * 200 * 0.150
    assert of.of_account == 8  # of eight


def test_shards_are_enough_for_the_processor_and_for_the_requests_in_flight() -> None:
    quick = needs(Load(events_a_second=3_000, a_request=10, latency_ms=0, busy=0.6), FIGURES, SETTINGS)
    assert quick.worker_cores == pytest.approx(6_000 * 105 / 1e6)
    assert quick.shards == 2  # 0.63 of a core, of each 0.6
    slow = needs(Load(events_a_second=3_000, a_request=10, latency_ms=400), FIGURES, SETTINGS)
    assert slow.shards == 15  # 480 requests, of each 32


def test_memory_is_backlog_and_ids_and_records() -> None:
    of = needs(Load(events_a_second=1_000, hours=2, event_bytes=500, a_request=10), FIGURES, SETTINGS)
    assert of.backlog_bytes == pytest.approx(7_200_000 * 500 * 1.1)
    assert of.index_bytes == pytest.approx(86_400_000 * 1.5 * 30)
    assert of.record_bytes == pytest.approx(1_000 / 10 * 129_600 * 250)
    assert of.maxmemory == pytest.approx((of.backlog_bytes + of.index_bytes + of.record_bytes) / 0.8)


def test_one_redis_carries_what_its_thread_can_and_then_it_takes_more_of_them() -> None:
    assert needs(Load(events_a_second=1_000, a_request=10), FIGURES, SETTINGS).redises == 1
    many = needs(Load(events_a_second=10_000, a_request=10), FIGURES, SETTINGS)
    assert many.redis_share == pytest.approx((10_000 * 110 + 20_000 * 22) / 1e6)
    assert many.redises == 3


def test_requests_fill_with_what_comes_within_linger_and_never_beyond_the_cap() -> None:
    assert filled(Load(events_a_second=80, accounts=8)) == 11
    assert filled(Load(events_a_second=80_000, accounts=8)) == 100
    assert filled(Load(events_a_second=80_000, sessions=True)) == 4


def test_a_line_goes_through_both_measurements() -> None:
    growth, compare = read()
    for sessions in (False, True):
        of = figures(growth, compare, sessions=sessions)
        assert of.append.of(1) > of.append.of(100) > 0
        assert of.drain.of(4) > of.drain.of(100) > 0


def test_the_calculator_prints_what_a_load_needs(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    flags = ["--events-a-second", "200000", "--hours", "6", "--latency-ms", "120", "--accounts", "2"]
    monkeypatch.setattr(sys, "argv", ["capacity", *flags])
    main()
    told = capsys.readouterr().out
    assert "events of a request                      100" in told
    assert "4,000" in told  # requests a second: twice what comes, a hundred each
    assert "! one account has 480 requests in flight" in told
    assert "! one Redis does not carry it" in told
