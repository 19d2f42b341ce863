"""Charts are drawn from samples, with gaps where nothing was measured, and told as tables; metrics want the token."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import pytest

from tests.console.support import TOKEN, Console, served
from worker.console.charts import HEIGHT, LEFT, WIDTH, charts_of
from worker.console.text import duration, number
from worker.web.tries import EACH

START = 1_767_225_600_000


class Sample(NamedTuple):
    at: int
    delivered: float
    p50_s: float | None
    p95_s: float | None


def samples(*rates: float, p95_s: Sequence[float | None] = ()) -> list[Sample]:
    slow = [*p95_s, *[None] * len(rates)]
    return [
        Sample(START + 60_000 * place, rate, each and each / 2, each)
        for place, (rate, each) in enumerate(zip(rates, slow, strict=False))
    ]


def test_without_two_samples_nothing_is_drawn() -> None:
    assert charts_of({}) == []
    assert charts_of({"event-api": samples(3)}) == []


def test_a_line_is_within_its_chart_and_ends_where_it_should() -> None:
    (chart,) = charts_of({"event-api": samples(0, 50, 93.5), "audience": samples(0, 0, 0)})
    assert [line.name for line in chart.lines] == ["event-api", "audience"]
    (run,) = chart.lines[0].runs
    places = [tuple(map(float, each.split(","))) for each in run.split(" ")]
    assert all(LEFT <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in places)
    assert (places[0][0], places[-1][0]) == (LEFT, WIDTH)
    assert chart.ticks[-1].label == "100"
    assert chart.lines[0].last == "93.5"
    assert chart.rows[0] == ["00:02", "93.5", "0"]
    assert [tick.label for tick in chart.times] == ["00:00", "00:01", "00:02"]


def test_where_nothing_was_measured_there_is_a_gap() -> None:
    _, latency = charts_of({"event-api": samples(1, 1, 1, 1, p95_s=(0.1, None, 0.2, 0.4))})
    assert [len(line.runs) for line in latency.lines] == [2, 2]
    assert latency.lines[1].last == "400"


def test_a_long_time_is_thinned_out_in_the_table() -> None:
    (chart,) = charts_of({"event-api": samples(*range(500))})
    assert len(chart.rows) <= 60


@pytest.mark.parametrize(
    ("seconds", "said"), [(0, "0 s"), (59.9, "59 s"), (60, "1 min"), (3_700, "1 h 1 min"), (90_000, "1 d 1 h")]
)
def test_durations_are_told_in_the_largest_units(seconds: float, said: str) -> None:
    assert duration(seconds) == said


def test_numbers_have_their_thousands() -> None:
    assert (number(1_234_567), number(0.25), number(99.94)) == ("1,234,567", "0.2", "99.9")


def test_the_overview_draws_what_is_sampled_and_metrics_want_the_token(console: Console) -> None:
    async def series(*_: Any) -> Mapping[str, Sequence[Sample]]:
        return {"event-api": samples(5, 10, 7.5, p95_s=(0.1, 0.2, 0.3))}

    async def metrics(*_: Any) -> bytes:
        return b"forwarder_up 1\n"

    around: dict[str, Any] = {"series": series, "metrics": metrics, "metrics_token": "of-prometheus"}
    with served(console.env, **around) as measured, measured.browser() as client:
        assert client.get("/metrics").status_code == 401
        assert client.get("/metrics", headers={"authorization": "Bearer wrong"}).status_code == 401
        for token in (TOKEN, "of-prometheus"):
            answer = client.get("/metrics", headers={"authorization": f"Bearer {token}", "host": "console:8190"})
            assert (answer.status_code, answer.text) == (200, "forwarder_up 1\n")
        assert client.sign_in("of-prometheus").status_code == 403, "it is for metrics alone"
        client.sign_in()
        page = client.page("/")
        assert len([each for each in page.all("svg") if each.get("role") == "img"]) == 2
        assert "delivered a second" in page.text
        assert "Delivered, events a second" in page.text
        tables = {each["id"] for each in page.all("table") if each.get("id", "").startswith("chart-table")}
        assert tables == {each["aria-describedby"] for each in page.all("svg") if "aria-describedby" in each}


def test_wrong_logins_stop_no_scrape_and_wrong_scrapes_no_login(console: Console) -> None:
    with served(console.env, metrics_token="of-prometheus") as measured, measured.browser() as client:
        asked = {"authorization": "Bearer of-prometheus"}
        for _ in range(EACH):
            client.sign_in("wrong")
        assert client.get("/metrics", headers=asked).status_code == 200
    with served(console.env) as measured, measured.browser() as client:
        told = [client.get("/metrics", headers=asked).status_code for _ in range(EACH + 1)]
        assert told == [401] * EACH + [429], "without a token of its own only the console's is right"
        assert client.sign_in().status_code == 303


def test_the_real_console_tells_prometheus_what_the_ledger_says_and_draws_nothing_that_was_not_measured(
    console: Console,
) -> None:
    with served(console.env) as bare, bare.browser() as client:
        answer = client.get("/metrics", headers={"authorization": f"Bearer {TOKEN}"})
        assert "forwarder_events_accepted_total" in answer.text
        client.sign_in()
        assert not client.page("/").all("polyline")
