"""Redis away under load: `python -m tests.spool.measure_outage [--seconds 60] [--frozen] [--rate 200] [--processes 4]`.

Producing processes with a spool, a real worker and the sandbox; one producer is killed during the outage. Tells how
long the calls took, and what became of every id that was given back.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from producers.settings import buffer_settings
from tests.apis.support import Fleet, fleet
from tests.integration.support import eventually
from tests.unit.imports import ROOT
from worker.stack.redis_server import EmbeddedRedis

BEFORE_S, AFTER_S = 4.0, 6.0


class Plan(NamedTuple):
    seconds: float = 60
    frozen: bool = False
    rate: float = 200
    processes: int = 4
    sync: str = "normal"
    fsync: str = "everysec"
    budget_ms: int = 100


class Outcome(NamedTuple):
    """`above`: calls that took longer than the budget and their own commit. `unexplained`: events that came twice
    without a time-out or a kill. `disordered`: sessions with a first acceptance before that of an earlier event.
    """

    returned: int
    spooled: int
    failed: int
    budget_ms: float
    slowest_ms: float
    above: int
    calls_ms: tuple[float, float, float]
    commits_ms: tuple[float, float, float]
    accepted: int  # of the ledgers
    delivered: int
    missing: int
    duplicates: int
    of_time_outs: int
    of_the_killed: int
    unexplained: int
    sessions: int
    disordered: int
    balanced: bool
    empty_after_s: float

    def __str__(self) -> str:
        return "\n".join(f"{name:14} {value}" for name, value in self._asdict().items())


def measure(plan: Plan, folder: Path) -> Outcome:
    with EmbeddedRedis(folder / "redis", appendfsync=plan.fsync) as redis:  # type: ignore[arg-type]
        spool = {
            "FORWARDER_ENQUEUE_BUDGET_MS": str(plan.budget_ms),
            "FORWARDER_SPOOL_DIR": str(folder / "spool"),
            "FORWARDER_SPOOL_SYNC": plan.sync,
        }
        # A worker settles what it had sent when Redis is back, within the lease: with less time it would be sent twice.
        spool["FORWARDER_LEASE_S"] = str(int(plan.seconds) + 20)
        with fleet(redis.url, folder, workers=1, **spool) as running:
            books, killed, back = _outage(plan, redis, running, folder)
            running.cli.done("spool", "flush", "--timeout", "60")
            empty_after_s = time.monotonic() - back
            ledgers = running.settled(within_s=120)
            return _outcome(running, books, killed, ledgers, empty_after_s)


def _outage(plan: Plan, redis: EmbeddedRedis, running: Fleet, folder: Path) -> tuple[list[Path], str, float]:
    """The books, the name of the producer that was killed, and when Redis was back."""
    pair, tag = running.account("pair"), running.account("tag")
    whole = BEFORE_S + plan.seconds + AFTER_S
    books = [folder / f"p{number}.jsonl" for number in range(plan.processes)]
    shops = [_shop(running, book, whole, plan.rate / plan.processes, pair, tag) for book in books]
    eventually(lambda: all(book.exists() for book in books), within_s=60)  # they are at work
    time.sleep(BEFORE_S)
    os.kill(redis.pid, signal.SIGSTOP) if plan.frozen else redis.stop()
    time.sleep(plan.seconds / 2)
    shops[0].kill()
    time.sleep(plan.seconds / 2)
    os.kill(redis.pid, signal.SIGCONT) if plan.frozen else redis.restart()
    back = time.monotonic()
    for shop in shops:
        shop.wait(whole + 60)
    return books, books[0].stem, back


def _shop(running: Fleet, book: Path, seconds: float, rate: float, pair: str, tag: str) -> subprocess.Popen[bytes]:
    arguments = [book.stem, str(seconds), str(rate), str(book), pair, tag]
    return subprocess.Popen([sys.executable, "-m", "tests.spool.outage_shop", *arguments], env=running.env, cwd=ROOT)


def _outcome(
    running: Fleet, books: Iterable[Path], killed: str, ledgers: dict[str, dict[str, Any]], empty_after_s: float
) -> Outcome:
    lines = [json.loads(line) for book in books for line in book.read_text().splitlines() if line.endswith("}")]
    calls = [line for line in lines if "id" in line]
    maybe = {line["maybe"] for line in lines if "maybe" in line}
    returned = {line["id"] for line in calls if not line["fate"].startswith("failed")}
    rows = [row for account in ("pair-1", "tag-2") for row in running.rokt.accepted(account)]
    came = Counter(_name(row) for row in rows)
    twice = {name for name, times in came.items() if times > 1}
    of_killed = {name for name in twice - maybe if name.startswith(killed)}
    budget = float(buffer_settings(running.env).enqueue_budget_ms)
    sessions, disordered = _order(rows)
    return Outcome(
        returned=len(returned),
        spooled=sum(line["fate"] == "spooled" for line in calls),
        failed=len(calls) - len(returned),
        budget_ms=budget,
        slowest_ms=round(max(line["ms"] for line in calls), 1),
        above=sum(line["ms"] - line["commit_ms"] > budget for line in calls),
        calls_ms=_percentiles(line["ms"] for line in calls),
        commits_ms=_percentiles(line["commit_ms"] for line in calls if line["commit_ms"]),
        accepted=sum(each["accepted"] for each in ledgers.values()),
        delivered=len(came),
        missing=len(returned - came.keys()),
        duplicates=len(twice),
        of_time_outs=len(twice & maybe),
        of_the_killed=len(of_killed),
        unexplained=len(twice - maybe - of_killed),
        sessions=sessions,
        disordered=disordered,
        balanced=all(_balances(each) for each in ledgers.values()),
        empty_after_s=round(empty_after_s, 1),
    )


def _name(row: dict[str, Any]) -> str:
    event = row["event"]
    return f"{row['group']}/{event['clientUniqueId']}" if "clientUniqueId" in event else str(row["id"])


def _order(rows: Iterable[dict[str, Any]]) -> tuple[int, int]:
    """How many sessions there were, each of one process, and in how many an event came before an earlier one."""
    first: defaultdict[str, dict[int, None]] = defaultdict(dict)
    for row in rows:
        if "clientUniqueId" in row["event"]:
            first[row["group"]].setdefault(int(row["event"]["clientUniqueId"]))
    return len(first), sum(list(numbers) != sorted(numbers) for numbers in first.values())


def _percentiles(values: Iterable[float]) -> tuple[float, float, float]:
    """p50, p99 and the largest."""
    ordered = sorted(values) or [0.0]
    return tuple(round(ordered[min(len(ordered) - 1, int(len(ordered) * share))], 2) for share in (0.5, 0.99, 1))  # type: ignore[return-value]


def _balances(ledger: dict[str, Any]) -> bool:
    places = ("open", "ready", "waiting", "in_flight", "delivered", "dead", "discarded")
    return bool(ledger["accepted"] == sum(ledger[place] for place in places))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--frozen", action="store_true")
    parser.add_argument("--rate", type=float, default=200)
    parser.add_argument("--processes", type=int, default=4)
    parser.add_argument("--sync", choices=["normal", "full"], default="normal")
    parser.add_argument("--fsync", choices=["everysec", "always"], default="everysec")
    with tempfile.TemporaryDirectory() as folder:
        print(measure(Plan(**vars(parser.parse_args())), Path(folder)))  # noqa: T201


if __name__ == "__main__":
    main()
