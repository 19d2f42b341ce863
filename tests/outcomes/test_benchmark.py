"""The benchmark measures what it says, on real parts, and a run that lost an event has no figure. Nothing is timed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import pytest

from tests.benchmarks.compare import page, picture
from tests.benchmarks.compare.checking import Arrival, Verdict, checked
from tests.benchmarks.compare.plan import CASES, Case
from tests.benchmarks.compare.running import Figure, run
from tests.benchmarks.compare.summary import WANTED, ratios, summed
from tests.benchmarks.compare.workloads import ACCOUNTS, Planned, event_of, planned
from tests.benchmarks.peers.requests import requests_of

COUNT = 400
PARTS = 2  # processes that call
Requests = list[tuple[str, list[Planned]]]  # account, and what is sent for it


@pytest.mark.parametrize(
    "case",
    [Case("forwarder", "W1", "many100", COUNT, PARTS), Case("forwarder", "W2", "drain", COUNT, sink_ms=20, tls=True)],
    ids=["W1 end to end, of two callers", "W2 drained over TLS, answered late"],
)
def test_events_go_through_a_real_worker_and_every_one_is_checked(case: Case) -> None:
    figure = run(case)
    assert figure.faults == ()
    assert figure.rate > 0
    assert figure.requests >= COUNT / 100
    assert {name.partition(" ")[0] for name in figure.cpu} == {"producer", "worker", "redis", "sink"}


def grouped(plans: Sequence[Planned]) -> Requests:
    """As they should arrive: by account and session, in order."""
    groups: dict[tuple[str, str], list[Planned]] = {}
    for plan in plans:
        groups.setdefault((plan.account, plan.order), []).append(plan)
    return [(account, group) for (account, _), group in groups.items()]


def arrivals(workload: str, requests: Requests) -> list[Arrival]:
    """The requests as a client writes them."""
    return [_arrival(workload, account, group, place) for place, (account, group) in enumerate(requests)]


def _arrival(workload: str, account: str, group: list[Planned], place: int) -> Arrival:
    body: dict[str, Any] = {"accountId": account}
    if workload == "W3":
        body |= {"list": group[0].order, "action": "include", "emails": [plan.id for plan in group]}
    else:
        body |= {"events": [event_of(workload, plan, number) for number, plan in enumerate(group)]}
    head = f"POST /v1/partner/events HTTP/1.1\r\nHost: sink\r\nRokt-Tag-Id: {account}".encode()
    return Arrival(float(place), head, msgspec.json.encode(body))


def verdict(workload: str, change: Callable[[Requests], object] = lambda _: None) -> Verdict:
    """Of a run that was sound but for the change."""
    plans = planned(workload, COUNT)
    requests = grouped(plans)
    change(requests)
    return checked(workload, plans, arrivals(workload, requests))


@pytest.mark.parametrize("workload", ["W1", "W2", "W3"])
def test_a_run_that_kept_everything_has_no_fault(workload: str) -> None:
    found = verdict(workload)
    assert found.faults(ordered=True) == []
    assert found.arrived == COUNT


def longest(requests: Requests) -> list[Planned]:
    return max((group for _, group in requests), key=len)


def lose(requests: Requests) -> None:
    longest(requests).pop()


def double(requests: Requests) -> None:
    requests.append((requests[0][0], requests[0][1][:1]))


def turn_round(requests: Requests) -> None:
    longest(requests).reverse()


def send_for_another(requests: Requests) -> None:
    account, group = requests[0]
    requests[0] = (next(each for each in ACCOUNTS if each != account), group)


def put_two_into_one(requests: Requests) -> None:
    account, group = requests.pop()
    other = next(index for index, (of, _) in enumerate(requests) if of == account)
    requests[other][1].extend(group)


def send_strange(requests: Requests) -> None:
    _, group = requests[0]
    group.append(group[-1]._replace(id="nobody-000000000"))


@pytest.mark.parametrize(
    ("workload", "change", "fault"),
    [
        ("W1", lose, "lost 1"),
        ("W2", lose, "lost 1"),
        ("W3", lose, "lost 1"),
        ("W1", double, "doubled 1"),
        ("W2", double, "doubled 1"),
        ("W2", turn_round, "disordered 1"),
        ("W3", turn_round, "disordered 1"),
        ("W1", send_for_another, f"misdirected {COUNT // len(ACCOUNTS)}"),
        ("W3", send_for_another, f"misdirected {COUNT // len(ACCOUNTS)}"),
        ("W2", put_two_into_one, "mixed 1"),
        ("W2", send_strange, "strange 1"),
    ],
)
def test_a_run_that_broke_a_promise_is_void(workload: str, change: Callable[[Requests], None], fault: str) -> None:
    assert fault in verdict(workload, change).faults(ordered=True)


def test_a_request_above_the_cap_is_a_fault() -> None:
    plans = planned("W1", 101 * len(ACCOUNTS))
    found = checked("W1", plans, arrivals("W1", grouped(plans)))
    assert found.faults(ordered=True) == [f"over_cap {len(ACCOUNTS)}"]


def test_a_session_of_another_account_is_noticed_by_the_header_alone() -> None:
    found = verdict("W2", send_for_another)
    assert found.misdirected > 0
    assert found.mixed == found.lost == 0


def test_only_who_promises_an_order_is_held_to_it() -> None:
    assert verdict("W2", turn_round).faults(ordered=False) == []


@pytest.mark.parametrize("workload", ["W1", "W2"])
def test_peers_send_bodies_that_the_same_check_finds_sound(workload: str) -> None:
    plans = planned(workload, COUNT)
    events = [(plan.account, event_of(workload, plan, number)) for number, plan in enumerate(plans)]
    sent = [
        Arrival(0.0, "\r\n".join(f"{name}: {value}" for name, value in ready.headers.items()).encode(), ready.body)
        for ready in requests_of(workload, events)
    ]
    assert checked(workload, plans, sent).faults(ordered=True) == []


def test_sessions_have_one_to_25_events_and_four_in_the_mean() -> None:
    plans = planned("W2", 40_000)
    sizes = [len(group) for _, group in grouped(plans)]
    assert max(sizes) == 25
    assert 3.8 < sum(sizes) / len(sizes) < 4.2


def figure(rate: float, *faults: str) -> Figure:
    cpu = {"producer": 0.01, "worker 0": 0.02, "worker 1": 0.03, "redis": 0.01, "sink": 0.001}
    return Figure(rate, cpu, 10, 600, 1.0, {"p50": 10, "p99": 20}, tuple(faults))


def test_a_round_that_failed_is_told_and_has_no_part_in_the_median() -> None:
    found = summed(CASES[0], [figure(10), figure(90_000, "lost 3"), figure(30)], {})
    assert (found.rate, found.rates, found.failed) == (20, [10, 30], ["lost 3"])
    assert found.cpu_by["worker"] == 0.05


def test_a_ratio_compares_runs_of_as_many_callers_and_needs_both() -> None:
    """But a drain's, which has no callers while it is measured."""
    runs = [summed(case, [figure(1_000 * case.callers)], {}) for case in CASES]
    found = ratios(runs)
    assert len(found) == 2 * len(WANTED) - 1
    assert {each.value for each in found if each.at == "least"} == {1.0}
    failed = [summed(case, [figure(1_000, "lost 1")], {}) for case in CASES]
    assert ratios(failed) == []


def test_the_page_says_what_the_json_says() -> None:
    """Both, and the picture, are written by one command."""
    measured, text = page.read(), (page.DOCS / page.PAGE).read_text(encoding="utf-8")
    assert page.filled(text, page.parts(measured)) == text
    assert (page.DOCS / page.PICTURE).read_text(encoding="utf-8") == picture.drawn(measured.runs)
