"""The whole proof of the rate of `audience`: `python -m tests.apis.measure_audience_rate`, about a minute.

200,000 addresses for ten lists in batches of 1,000, three workers, and a sandbox that answers 429 above four requests a
second or four at a time. Prints what was reached, and ends with 1 if a limit was passed or an address is not where it
belongs.
"""

from __future__ import annotations

import sys
import tempfile
from itertools import pairwise
from pathlib import Path

from tests.apis.support import Fleet, busiest_second, fleet, most_at_a_time
from worker.stack.redis_server import EmbeddedRedis

ADDRESSES, LISTS, CAP, WORKERS = 200_000, 10, 1_000, 3
PER_SECOND = AT_A_TIME = 4


def main() -> int:
    """Runs the proof in a folder of its own. 0: every limit was kept and every address arrived."""
    with (
        tempfile.TemporaryDirectory() as folder,
        EmbeddedRedis(Path(folder) / "redis") as server,
        fleet(server.url, Path(folder), WORKERS, FORWARDER_AUDIENCE_MAX_EVENTS=str(CAP)) as forwarder,
    ):
        return _measured(forwarder)


def _measured(forwarder: Fleet) -> int:
    account = forwarder.account("pair")
    forwarder.rokt.limits(audience={"per_second": PER_SECOND, "concurrency": AT_A_TIME})
    expected: dict[str, set[str]] = {f"list-{number}": set() for number in range(LISTS)}
    events = []
    for number in range(ADDRESSES):
        address, name = f"jane.{number}@example.com", f"list-{number % LISTS}"
        expected[name].add(address)
        events.append({"email": address, "action": "include", "list": name})
    forwarder.enqueue("audience", account, events)
    ledger = forwarder.settled(within_s=300)["audience"]
    return _report(forwarder, account, expected, delivered=ledger["delivered"])


def _report(forwarder: Fleet, account: str, expected: dict[str, set[str]], delivered: int) -> int:
    requests = forwarder.rokt.requests(account)
    found = {name: set(addresses) for name, addresses in forwarder.rokt.members(account).items()}
    arrivals = sorted(request["arrived"] for request in requests)
    refused = sum(request["status"] == 429 for request in requests)
    others = sum(request["status"] not in (201, 429) for request in requests)
    busiest, most = busiest_second(arrivals), most_at_a_time(requests)
    missing = sum(len(addresses - found.get(name, set())) for name, addresses in expected.items())
    wrong = sum(len(addresses - expected.get(name, set())) for name, addresses in found.items())
    seconds = arrivals[-1] - arrivals[0]
    told = {
        "workers": WORKERS,
        "requests": len(requests),
        "answered 429": refused,
        "answered otherwise than 201 and 429": others,
        "most requests in any sliding second": busiest,
        "most requests at a time": most,
        "shortest gap between two requests (ms)": round(1000 * min(b - a for a, b in pairwise(arrivals))),
        "delivered by the ledger": delivered,
        "addresses missing": missing,
        "addresses in a wrong list": wrong,
        "seconds from the first to the last request": round(seconds, 1),
        "rate reached (requests a second)": round((len(requests) - 1) / seconds, 2),
    }
    for name, value in told.items():
        print(f"{name:45} {value:>12,}")  # noqa: T201 - a program of its own
    kept = busiest <= PER_SECOND and most <= AT_A_TIME and not (refused or missing or wrong)
    return 0 if kept and delivered == ADDRESSES else 1


if __name__ == "__main__":
    sys.exit(main())
