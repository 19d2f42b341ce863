"""Does a replay survive a kill, and what do live events feel of one?

`python -m tests.benchmarks.replay [--letters 1000000] [--replayed 100000] [--rate N] [--no-kill] [--no-live]`

An embedded Redis of its own holds that many dead letters: as many as are to be replayed of each of the accounts
`killed` and `beside`, the rest of twenty others, all in turn. A real worker and the sandbox.

(a) Replays those of `killed`; at the half of them the whole group of the worker's processes is killed, then another
worker is started. Prints what was moved, by the ledger and by what came at the sandbox, and what came twice.
(b) Prints p50 and p95 of the time from `enqueue` to the arrival at the sandbox, of fifty live events a second, half of
them of the account that is replayed: without a replay, and while those of `beside` are replayed. Asked for is a p95
within 10 % + 50 ms of that before.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import threading
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from statistics import quantiles
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from producers import Producer
from producers.clock import now_ms
from producers.keys import Slot
from producers.settings import buffer_settings
from tests.integration.support import Cli, environment, eventually
from tests.support.letters import fill, made
from tests.support.sandbox import Sandbox
from worker.dead_letters import Letter
from worker.redis_client import sync_redis, with_redis
from worker.stack import parts
from worker.stack.child import Child
from worker.stack.redis_server import EmbeddedRedis

NO_REWRITE = {"auto-aof-rewrite-percentage": "0"}  # its fork and its copies are another question
KILLED, BESIDE, LIVE = "killed", "beside", "live"
OTHERS = 20
A_SECOND = 50
BEFORE_S = 20
HOUR_MS = 3_600_000
PATIENCE_S = 1_800
ALLOWED = (1.10, 0.050)  # times, and s more
_names = count(1)


class Bench(NamedTuple):
    cli: Cli
    sandbox: Sandbox
    redis: Any
    slot: Slot

    def worker(self) -> Child:
        child = parts.worker(self.cli.env, self.cli.folder, ("-c", "2"), f"worker{next(_names)}").start()
        parts.wait_for_worker(self.redis, self.slot.namespace, child)
        return child

    def replay(self, account: str, rate: float) -> str:
        options = ("--account", account, "--rate", str(rate), "--detach", "--yes", "--json")
        return str(self.cli.done("dlq", "replay", *options).json["replay"])

    def field(self, replay: str, name: str) -> str:
        return str((self.redis.hget(self.slot.key("replay", replay), name) or b"").decode())

    def done(self, replay: str) -> None:
        eventually(lambda: self.field(replay, "state") == "done", PATIENCE_S)


def tell(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def letters(env: dict[str, str], total: int, replayed: int) -> Iterator[Letter]:
    """In turn: of the two accounts, and of others between them."""
    buffer, now = buffer_settings(env), now_ms()
    left = {KILLED: replayed, BESIDE: replayed}
    each = max(1, total // max(1, replayed))
    for number in range(total):
        account = (KILLED, BESIDE)[number % 2] if number % each < 2 else f"other-{number % OTHERS}"
        if account in left and not left[account]:
            account = f"other-{number % OTHERS}"
        elif account in left:
            left[account] -= 1
        died_at = now - HOUR_MS * (total - number) // total
        yield made(buffer, number, account=account, died_at=died_at, event_time=died_at - 1_000)


def killed(bench: Bench, worker: Child, rate: float) -> Child:
    """Part (a)."""
    before = bench.cli.ledger()
    began = time.monotonic()
    replay = bench.replay(KILLED, rate)
    chosen = int(bench.field(replay, "chosen"))
    eventually(lambda: int(bench.field(replay, "moved")) >= chosen // 2, PATIENCE_S)
    worker.kill()
    stopped = bench.cli.ledger()
    moved = int(bench.field(replay, "moved"))
    worker = bench.worker()
    bench.done(replay)
    after = bench.cli.drain(PATIENCE_S)
    came = bench.sandbox.ids(KILLED).get(KILLED, {})
    others = sum(len(ids) for account, ids in bench.sandbox.ids().items() if account != KILLED)
    tell(f"chosen {chosen:,}; {moved:,} were moved at the kill, {stopped['in_flight']:,} of them in flight")
    tell(f"moved {int(bench.field(replay, 'moved')):,}; ended after {time.monotonic() - began:.0f} s")
    delivered, fewer = after["delivered"] - before["delivered"], before["dead"] - after["dead"]
    twice = sum(came.values()) - len(came)
    tell(f"by the ledger: {delivered:,} delivered, {fewer:,} dead letters fewer")
    tell(f"at the sandbox: {len(came):,} of them, {twice:,} twice; of other accounts {others:,}")
    exact = len(came) == chosen == delivered == fewer
    right = exact and not others and twice <= stopped["in_flight"]
    tell("exactly the chosen ones moved, each once" if right else "NOT AS IT SHOULD BE")
    return worker


class Live:
    """A shop that enqueues evenly, from a thread."""

    def __init__(self, env: dict[str, str]) -> None:
        self._producer = Producer.from_env(env)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.began: dict[str, float] = {}

    def __enter__(self) -> Live:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._over.set()
        self._thread.join()
        self._producer.close()

    def _run(self) -> None:
        next_at = time.monotonic()
        while not self._over.wait(max(0.0, next_at - time.monotonic())):
            next_at += 1 / A_SECOND
            name = f"{LIVE}-{next(_names)}"
            account = (LIVE, BESIDE)[len(self.began) % 2]
            event = {"clientEventId": name, "eventType": "conversion"}
            self.began[name] = time.monotonic()
            self._producer.enqueue("event-api", account=account, event=event)


def beside(bench: Bench, rate: float) -> None:
    """Part (b)."""
    env = {**bench.cli.env}
    with Live(env) as before:
        time.sleep(BEFORE_S)
    bench.cli.drain()
    with Live(env) as meanwhile:
        began = time.monotonic()
        replay = bench.replay(BESIDE, rate)
        bench.done(replay)
        seconds = time.monotonic() - began
    bench.cli.drain()
    moved = int(bench.field(replay, "moved"))
    tell(f"{moved:,} replayed beside {A_SECOND} live events a second: {seconds:.0f} s, {moved / seconds:,.0f} a second")
    arrived = {name: row["arrived"] for row in bench.sandbox.taken("event-api") for name in row["ids"]}
    first, second = (told(each.began, arrived, name) for each, name in ((before, "before"), (meanwhile, "meanwhile")))
    most = first * ALLOWED[0] + ALLOWED[1]
    tell(f"p95 may be {most * 1000:.0f} ms: {'kept' if second <= most else 'NOT KEPT'}")


def told(began: dict[str, float], arrived: dict[str, float], name: str) -> float:
    """Prints what the latencies were; gives the p95 (s)."""
    times = [arrived[event] - at for event, at in began.items()]
    cuts = quantiles(times, n=20)
    tell(f"{name:<10} {len(times):>6} live events  p50 {cuts[9] * 1000:6.0f} ms  p95 {cuts[18] * 1000:6.0f} ms")
    return cuts[18]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--letters", type=int, default=1_000_000)
    parser.add_argument("--replayed", type=int, default=100_000)
    parser.add_argument("--rate", type=float, default=1_000)
    parser.add_argument("--no-kill", action="store_true")
    parser.add_argument("--no-live", action="store_true")
    return parser.parse_args()


def main() -> None:
    asked = arguments()
    with TemporaryDirectory() as name, EmbeddedRedis(Path(name) / "redis", options=NO_REWRITE) as server:
        folder = Path(name)
        env = environment(server.url, FORWARDER_MAX_DEAD_LETTERS="0", FORWARDER_LEASE_S="15", LOG_LEVEL="WARNING")
        rokt = parts.sandbox(env, folder).start()
        env["FORWARDER_SANDBOX_URL"] = parts.sandbox_url(rokt)
        stock = letters(env, asked.letters, asked.replayed)
        began = time.monotonic()
        asyncio.run(with_redis(server.url, lambda redis: fill(redis, buffer_settings(env), stock)))
        tell(f"{asked.letters:,} letters filled in {time.monotonic() - began:.0f} s")
        slot = Slot(env["FORWARDER_KEY_PREFIX"], "event-api", 0)
        with Sandbox(env["FORWARDER_SANDBOX_URL"]) as sandbox:
            bench = Bench(Cli(env, folder, PATIENCE_S), sandbox, sync_redis(server.url), slot)
            began = time.monotonic()
            seen = bench.cli.done("dlq", "replay", "--account", KILLED, "--dry-run", "--json").json
            tell(f"dry run: {json.dumps({**seen, 'by': len(seen['by'])})} in {time.monotonic() - began:.1f} s")
            worker = bench.worker()
            try:
                worker = worker if asked.no_kill else killed(bench, worker, asked.rate)
                if not asked.no_live:
                    beside(bench, asked.rate)
            finally:
                worker.kill()
                rokt.stop()


if __name__ == "__main__":
    main()
