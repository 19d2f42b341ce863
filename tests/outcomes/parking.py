"""Twenty accounts with a steady load, one of which is refused for a time: what the others feel of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import quantiles
from typing import NamedTuple

from tests.apis.support import Fleet, booking

ACCOUNTS, PER_SECOND = 20, 2  # events a second of each account


class Told(NamedTuple):
    """Latencies in seconds, from `enqueue` to the arrival of the request, of the accounts that were not refused."""

    events: int
    dead: int
    undelivered: int
    refused_requests: int
    p95_before_s: float
    p95_during_s: float


def twenty_accounts(forwarder: Fleet, before_s: float, refused_s: float) -> Told:
    """401 for one account of twenty for a time, then its credentials are mended in the file."""
    accounts = [forwarder.account("pair") for _ in range(ACCOUNTS)]
    refused, sent = accounts[0], dict[str, dict[str, float]]()
    with _load(forwarder, accounts, sent):
        time.sleep(before_s)
        forwarder.rokt.faults({"status": 401, "code": "UnauthorizedError", "match": {"account": refused}})
        began = time.monotonic()
        time.sleep(refused_s)
        ended = time.monotonic()
        forwarder.rokt.faults()
        forwarder.account("pair", refused, secret_key="rsec-mended")
    forwarder.settled()
    arrived = {account: _arrivals(forwarder, account) for account in accounts}
    latencies = [(at, arrived[account][id_] - at) for account in accounts[1:] for id_, at in sent[account].items()]
    return Told(
        events=sum(map(len, sent.values())),
        dead=sum(letter["account"] in accounts for letter in forwarder.cli.letters()),
        undelivered=sum(len(sent[account].keys() - arrived[account].keys()) for account in accounts),
        refused_requests=forwarder.statuses(refused).count(401),
        p95_before_s=_p95([late for at, late in latencies if at < began]),
        p95_during_s=_p95([late for at, late in latencies if began <= at < ended]),
    )


@contextmanager
def _load(forwarder: Fleet, accounts: list[str], sent: dict[str, dict[str, float]]) -> Iterator[None]:
    """Single enqueues at an even rate, each account in turn, from a thread of its own."""
    stop = threading.Event()

    def produce() -> None:
        number, began = 0, time.monotonic()
        while not stop.wait(max(0.0, began + number / (ACCOUNTS * PER_SECOND) - time.monotonic())):
            account = accounts[number % ACCOUNTS]
            at = time.monotonic()
            sent.setdefault(account, {})[forwarder.enqueue("event-api", account, [booking(number)])[0]] = at
            number += 1

    thread = threading.Thread(target=produce)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _arrivals(forwarder: Fleet, account: str) -> dict[str, float]:
    """id -> when the request that was accepted with it arrived (the machine's monotonic clock)."""
    return {row["id"]: row["arrived"] for row in forwarder.rokt.accepted(account)}


def _p95(values: list[float]) -> float:
    return quantiles(values, n=20)[-1]
