"""Sessions whose requests fail in every way: the first acceptances of each session are in order."""

from __future__ import annotations

from collections import defaultdict
from typing import NamedTuple

from tests.apis.support import Fleet, signal

KINDS = ({"status": 500}, {"status": 503}, {"close": "before"}, {"close": "after"}, {"status": 429, "retry_after": "0"})


class Told(NamedTuple):
    """`disordered`: sessions of which an event was accepted before one that was enqueued earlier."""

    sessions: int
    events: int
    requests: int
    failed: int
    missing: int
    duplicates: int
    dead: int
    disordered: int


def faulty_sessions(forwarder: Fleet, sessions: int, of_each: int, share: float, within_s: float) -> Told:
    """`share`: of all requests that meet a fault, of five kinds alike."""
    account = forwarder.account("tag")
    each = share / len(KINDS) * (1 + share / 2)  # a rule is only drawn if none before it fired
    forwarder.rokt.faults(*({**kind, "probability": each} for kind in KINDS), seed=11)
    events = (signal(f"s{session}", number) for number in range(of_each) for session in range(sessions))
    forwarder.enqueue("server-events", account, events)
    forwarder.settled(within_s=within_s)
    order: defaultdict[str, list[int]] = defaultdict(list)
    duplicates = 0
    for row in forwarder.rokt.accepted(account):
        number = int(row["event"]["clientUniqueId"])
        if number in order[row["group"]]:
            duplicates += 1
        else:
            order[row["group"]].append(number)
    requests = forwarder.requests(account)
    return Told(
        sessions=sessions,
        events=sessions * of_each,
        requests=len(requests),
        failed=sum(request["status"] != 200 for request in requests),
        missing=sessions * of_each - sum(map(len, order.values())),
        duplicates=duplicates,
        dead=len(forwarder.letters(account)),
        disordered=sum(numbers != sorted(numbers) for numbers in order.values()),
    )
