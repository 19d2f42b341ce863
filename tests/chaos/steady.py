"""`python -m tests.chaos.steady [MINUTES]`: an hour at a steady load; the memory of each process stays flat.

One worker with two pool processes, a producer (this process) with single events, sessions and addresses, a few refused
records, a Redis. Samples the resident memory of each every ten seconds. Ends with 1 if one grew by 5 percent or more
from the sixth part of the time (ten minutes of an hour) to the end, or if an event is missing. The sandbox is left out:
it remembers everything by trade.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from statistics import mean

from tests.apis.support import Fleet, booking, fleet, signal
from tests.outcomes.conftest import QUICK
from worker.stack.redis_server import EmbeddedRedis

PER_SECOND = 40  # events: of each five three bookings, one signal, one address
SAMPLE_S, MOST_GROWTH = 10.0, 0.05
SLOTS = {**QUICK, "FORWARDER_SHARDS": "2"}
Samples = dict[str, list[tuple[float, int]]]


def main(minutes: float) -> int:
    with (
        tempfile.TemporaryDirectory() as folder,
        EmbeddedRedis(Path(folder) / "redis") as server,
        fleet(server.url, Path(folder), 1, **SLOTS) as forwarder,
    ):
        pids = {"producer": _own_pid(), "redis": server.pid, **_workers(forwarder)}
        samples, sent = _watched(forwarder, pids, minutes * 60)
        ledgers = forwarder.settled()
    delivered = sum(each["delivered"] + each["dead"] for each in ledgers.values())
    print(f"{sent:,} events sent, {delivered:,} delivered or dead")  # noqa: T201 - a program of its own
    return int(_grew(samples, minutes * 60) or delivered != sent)


def _watched(forwarder: Fleet, pids: dict[str, int], seconds: float) -> tuple[Samples, int]:
    accounts = {"event-api": forwarder.account("pair"), "server-events": forwarder.account("tag")}
    accounts["audience"] = accounts["event-api"]
    forwarder.rokt.faults({"refuse": True, "code": "ValidationError", "probability": 0.002})
    samples: Samples = defaultdict(list)
    began = sampled = reset = time.monotonic()
    number = 0
    while (now := time.monotonic()) < began + seconds:
        time.sleep(max(0.0, began + number / PER_SECOND - now))
        _send(forwarder, accounts, number)
        number += 1
        if now - sampled >= SAMPLE_S:
            sampled = now
            for name, pid in pids.items():
                samples[name].append((now - began, _resident(pid)))
        if now - reset >= 60:
            reset = now
            forwarder.rokt.forget()
    return samples, number


def _send(forwarder: Fleet, accounts: dict[str, str], number: int) -> None:
    if number % 5 < 3:
        forwarder.enqueue("event-api", accounts["event-api"], [booking(number)])
    elif number % 5 == 3:
        forwarder.enqueue("server-events", accounts["server-events"], [signal(f"s{number // 20}", number)])
    else:
        event = {"email": f"jane.{number}@example.com", "action": "include"}
        forwarder.enqueue("audience", accounts["audience"], [event])


def _grew(samples: Samples, seconds: float) -> bool:
    """Prints for each process what it held after the sixth part of the time, and at the end."""
    grew = False
    for name, values in samples.items():
        early = mean(size for at, size in values if seconds / 6 <= at < seconds / 6 + 60)
        late = mean(size for _, size in values[-6:])
        growth = late / early - 1
        grew = grew or growth >= MOST_GROWTH
        print(f"{name:20} {early / 1e6:8.1f} MB  {late / 1e6:8.1f} MB  {growth:+7.2%}")  # noqa: T201
    return grew


def _workers(forwarder: Fleet) -> dict[str, int]:
    """The worker's main process and the children of its pool."""
    main_pid = forwarder.worker_pids[0]
    children = Path(f"/proc/{main_pid}/task/{main_pid}/children").read_text().split()
    return {"worker": main_pid, **{f"pool process {number}": int(pid) for number, pid in enumerate(children, 1)}}


def _own_pid() -> int:
    return int(Path("/proc/self").readlink().name)


def _resident(pid: int) -> int:
    """Bytes."""
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmRSS"))


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]) if len(sys.argv) > 1 else 60))
