"""429 and Retry-After: the whole fleet waits as long as it is told, and no attempt is spent."""

from __future__ import annotations

import time
from collections.abc import Iterable
from email.utils import formatdate
from typing import Any

import pytest

from tests.apis.support import Fleet, booking

UNDER_WAY_S = 0.15  # a request that was on its way when another one's 429 was answered


def too_early(requests: Iterable[dict[str, Any]], wait_s: float) -> list[tuple[float, float]]:
    """Requests that came after a 429 was answered and before its time was over: (after the answer, of the wait)."""
    rows = list(requests)
    limits = [(row["ended"], row["ended"] + wait_s) for row in rows if row["status"] == 429]
    return [
        (row["arrived"] - answered, wait_s)
        for row in rows
        for answered, until in limits
        if answered + UNDER_WAY_S < row["arrived"] < until - 0.02
    ]


def test_half_of_all_requests_are_told_to_wait_and_everything_is_delivered(forwarder: Fleet) -> None:
    """Over three workers: no attempt spent, no request before its time."""
    accounts = [forwarder.account("pair") for _ in range(4)]
    forwarder.rokt.faults({"status": 429, "retry_after": "2", "probability": 0.5}, seed=3)
    for account in accounts:
        forwarder.enqueue("event-api", account, [booking(number) for number in range(700)])
    forwarder.settled(within_s=100)
    for account in accounts:
        requests = forwarder.requests(account)
        assert too_early(requests, 2) == []
        assert len(forwarder.rokt.ids(account)[account]) == 700
        assert forwarder.letters(account) == []
    statuses = [status for account in accounts for status in forwarder.statuses(account)]
    assert statuses.count(429) >= 8
    assert set(forwarder.attempts_of(accounts)) == {1}


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("form", ["seconds", "date"])
def test_an_account_waits_as_long_as_it_is_told(forwarder: Fleet, status: int, form: str) -> None:
    account, other = forwarder.account("pair"), forwarder.account("pair")
    after = "2" if form == "seconds" else formatdate(time.time() + 3, usegmt=True)  # a date has whole seconds
    forwarder.rokt.faults({"status": status, "retry_after": after, "times": 1, "match": {"account": account}})
    forwarder.enqueue("event-api", account, [booking(1)])
    (hold,) = forwarder.held("event-api", account)
    assert hold["kind"] == "limited"
    forwarder.enqueue("event-api", other, [booking(1)])
    forwarder.rokt.wait(events=1, account=other, timeout=5)
    forwarder.settled()
    first, second = forwarder.requests(account)
    assert second["arrived"] - first["ended"] >= 1.9
    assert forwarder.statuses(account) == [status, 200]
