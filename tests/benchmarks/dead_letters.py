"""How long do `dlq stats` and an indexed `dlq list` take? `python -m tests.benchmarks.dead_letters [N] [RUNS]`

Brings N dead letters (1,000,000) of 200 accounts, eight codes and three APIs, which died over ten days, into an
embedded Redis by the script that imports them. Prints what a letter takes of Redis's memory; then p50 and p95, in
seconds, of the real commands, each a process of its own, started RUNS times (20), the kinds in turn; and the seconds of
the processor that the command and Redis took, which a busy machine does not change much.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from statistics import median, quantiles
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from producers.clock import DAY_MS, now_ms
from producers.settings import BufferSettings
from tests.integration.support import FORWARDER
from tests.support.letters import fill, made
from worker.connection.client import sync_redis, with_redis
from worker.dead_letters import Letter
from worker.stack import parts
from worker.stack.redis_server import EmbeddedRedis

BUFFER = BufferSettings(key_prefix="bench")
NO_REWRITE = {"auto-aof-rewrite-percentage": "0"}  # its fork and its copies are another question
APIS = ("event-api", "event-api", "server-events", "audience")
CODES = ("ValidationError", "UnknownCurrency", "EventExpired", "AttemptsExhausted", "A", "B", "C", "D")
HOUR_MS = 3_600_000
USUAL = (1_000_000, 20)
COMMANDS = {
    "nothing to be found": ["list", "--account", "nobody"],
    "stats": ["stats"],
    "list": ["list"],
    "list, oldest first": ["list", "--oldest-first"],
    "list by account": ["list", "--account", "account-7"],
    "list by code": ["list", "--code", "UnknownCurrency"],
    "list by account and code": ["list", "--account", "account-7", "--code", "UnknownCurrency"],
    "list, expires within 12h": ["list", "--expires-within", "12h"],
    "list, expired": ["list", "--expired"],
    "list, expired, by account": ["list", "--expired", "--account", "account-7"],
    "list by time": ["list", "--since", "5d", "--until", "4d"],
    "list by time, of a code": ["list", "--age", "5d", "--code", "ValidationError"],
}


def letters(count: int) -> Iterator[Letter]:
    """A few accounts have most of them. Oldest first, as they died; some waited for hours before."""
    dice, now = Random(5), now_ms()
    for number in range(count):
        died_at = now - 10 * DAY_MS * (count - number) // count
        yield made(
            BUFFER,
            number,
            destination=dice.choice(APIS),
            account=f"account-{min(dice.randrange(200), dice.randrange(200))}",
            code=dice.choice(CODES),
            died_at=died_at,
            event_time=died_at - dice.randrange(6 * HOUR_MS),
            attempts=dice.randrange(1, 9),
        )


async def stock(redis: Any, count: int) -> float:
    """Bytes a letter."""
    before = (await redis.info("memory"))["used_memory"]
    assert await fill(redis, BUFFER, letters(count)) == count
    return float((await redis.info("memory"))["used_memory"] - before) / count


class Took(NamedTuple):
    """Seconds of one command: by the clock, and of the processor by itself and by Redis."""

    clock: float
    own: float
    redis: float


def took(command: list[str], env: dict[str, str], redis: Any) -> Took:
    began, own, theirs = time.perf_counter(), _of_children(), _of(redis)
    subprocess.run([FORWARDER, "dlq", *command], env=env, check=True, capture_output=True)
    return Took(time.perf_counter() - began, _of_children() - own, _of(redis) - theirs)


def _of_children() -> float:
    told = resource.getrusage(resource.RUSAGE_CHILDREN)
    return told.ru_utime + told.ru_stime


def _of(redis: Any) -> float:
    told = redis.info("cpu")
    return float(told["used_cpu_user_main_thread"]) + float(told["used_cpu_sys_main_thread"])


def check(env: dict[str, str], count: int) -> None:
    """The counters tell all of them."""
    ended = subprocess.run([FORWARDER, "dlq", "stats", "--json"], env=env, check=True, capture_output=True)
    assert sum(row["letters"] for row in json.loads(ended.stdout)) == count


def main() -> None:
    count, runs = *map(int, sys.argv[1:]), *USUAL[len(sys.argv) - 1 :]
    with TemporaryDirectory() as folder, EmbeddedRedis(Path(folder) / "redis", options=NO_REWRITE) as server:
        env = parts.clean(os.environ, FORWARDER_REDIS_URL=server.url, FORWARDER_KEY_PREFIX=BUFFER.key_prefix)
        began = time.monotonic()
        size = asyncio.run(with_redis(server.url, lambda redis: stock(redis, count)))
        check(env, count)
        sys.stdout.write(f"{count:,} letters, {size:.0f} B each, in {time.monotonic() - began:.0f} s\n")
        sys.stdout.flush()
        times: dict[str, list[Took]] = {name: [] for name in COMMANDS}
        with sync_redis(server.url) as redis:
            for _ in range(runs):
                for name, command in COMMANDS.items():
                    times[name].append(took(command, env, redis))
        sys.stdout.write(f"{'seconds':<28}{'p50':>7}{'p95':>7}{'processor':>12}{'Redis':>9}\n")
        for name, each in times.items():
            cuts = quantiles([one.clock for one in each], n=20, method="inclusive")
            work = median(one.own for one in each), median(one.redis for one in each)
            sys.stdout.write(f"{name:<28}{cuts[9]:>7.2f}{cuts[18]:>7.2f}{work[0]:>12.2f}{work[1]:>9.3f}\n")


if __name__ == "__main__":
    main()
