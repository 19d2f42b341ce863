"""Does a replay survive a kill? `python -m tests.benchmarks.replay [--letters 1000000] [--replayed 100000] [--rate N]`

An embedded Redis of its own holds that many dead letters: as many as are to be replayed of the account `killed`, the
rest of twenty others, in turn. A real worker and the sandbox. What live events feel of a replay: `beside.py`.

Replays those of `killed`; at the half of them the whole group of the worker's processes is killed, then another
worker is started. Prints what was moved, by the ledger and by what came at the sandbox, and what came twice.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from producers.clock import now_ms
from producers.keys import Slot
from producers.settings import buffer_settings
from tests.integration.support import Cli, environment, eventually
from tests.support.letters import fill, made
from tests.support.sandbox import Sandbox
from worker.connection.client import sync_redis, with_redis
from worker.dead_letters import Letter
from worker.stack import parts
from worker.stack.child import Child
from worker.stack.redis_server import EmbeddedRedis

NO_REWRITE = {"auto-aof-rewrite-percentage": "0"}  # its fork and its copies are another question
KILLED = "killed"
OTHERS = 20
HOUR_MS = 3_600_000
PATIENCE_S = 1_800
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
    """In turn: of the account, and of others between them."""
    buffer, now = buffer_settings(env), now_ms()
    each = max(1, total // max(1, replayed))
    for number in range(total):
        chosen = number % each == 0 and number // each < replayed
        account = KILLED if chosen else f"other-{number % OTHERS}"
        died_at = now - HOUR_MS * (total - number) // total
        yield made(buffer, number, account=account, died_at=died_at, event_time=died_at - 1_000)


def killed(bench: Bench, worker: Child, rate: float) -> Child:
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


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--letters", type=int, default=1_000_000)
    parser.add_argument("--replayed", type=int, default=100_000)
    parser.add_argument("--rate", type=float, default=1_000)
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
                worker = killed(bench, worker, asked.rate)
            finally:
                worker.kill()
                rokt.stop()


if __name__ == "__main__":
    main()
