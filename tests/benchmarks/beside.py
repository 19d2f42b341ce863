"""What live events feel of a replay. No test: `python -m tests.benchmarks.beside [--replayed 100000] [--rate N]`.

An embedded Redis of its own, a real worker and the sandbox. Fifty live events a second come all the time, half of them
of the account that is replayed. In turns, several times: nothing else happens; as many events a second as a replay
moves are enqueued by somebody else (what so many more requests cost, however they came); the replay runs. So each turn
is compared with its neighbours, whatever else the machine has to do.

Prints p50 and p95 of the time from `enqueue` to the arrival at the sandbox, and of the part of it until the worker
began its attempt, which the sandbox (one process, on the same processors) has no part in. Asked for is a p95 within
10 % + 50 ms of that of the turns when nothing else happens. Two to four minutes for 100,000 letters.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import count
from pathlib import Path
from random import Random
from statistics import median, quantiles
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from redis.asyncio import Redis

from producers import Producer
from producers.clock import now_ms
from producers.keys import Slot
from producers.scripts import load as load_script
from producers.settings import buffer_settings
from tests.integration.support import Cli, environment, eventually
from tests.support.letters import fill, made
from tests.support.sandbox import Sandbox
from worker.buffer.calls import READS, SCRIPTS
from worker.connection.client import sync_redis, with_redis
from worker.dead_letters import Filter
from worker.events.lookup import Lookup
from worker.replay.replays import Replays
from worker.settings import caps_of
from worker.stack import parts
from worker.stack.redis_server import EmbeddedRedis

OPTIONS = {
    "auto-aof-rewrite-percentage": "0",  # its fork and its copies are another question
    "slowlog-log-slower-than": "1000",
    "slowlog-max-len": "100000",
}
REPLAYED, LIVE, LOAD = "replayed", "live", "load"
ALONE, LOADED, REPLAYING = "alone", "as much load", "replay"
A_SECOND = 50
CALL = 100  # events of one call of the load
ASKED_FOR = 400  # live events of each kind whose way through the worker is looked up
PATIENCE_S = 900
MOST_TOLD = 6  # scripts
SETTLED_S = 1.0  # after which what went before is felt no more
HOUR_MS = 3_600_000
ALLOWED = (1.10, 0.050)  # times, and s more
_names = count(1)


class Sent(NamedTuple):
    """A live event. `at`: when it was enqueued, by the monotonic clock (s) and by the other (ms)."""

    name: str
    account: str
    at: float
    at_ms: float
    during: str


class Bench(NamedTuple):
    env: dict[str, str]
    redis: Any
    slot: Slot
    replay: str

    def ask(self, what: Callable[[Redis], Coroutine[Any, Any, Any]]) -> Any:
        return asyncio.run(with_redis(self.env["FORWARDER_REDIS_URL"], what))

    def steer(self, *, on: bool) -> None:
        def steered(redis: Redis) -> Coroutine[Any, Any, bool]:
            replays = Replays(redis, buffer_settings(self.env))
            return replays.resume(self.replay) if on else replays.pause(self.replay)

        self.ask(steered)

    def moved(self) -> int:
        return int(self.redis.hget(self.slot.key("replay", self.replay), "moved"))

    def has_moved(self, letters: int) -> bool:
        return self.moved() >= letters or self.redis.hget(self.slot.key("replay", self.replay), "state") == b"done"


class Live:
    """A shop that enqueues evenly, from a thread. `during`: what else happens now."""

    def __init__(self, env: dict[str, str]) -> None:
        self.during = ""
        self.sent: list[Sent] = []
        self._env = env

    def __call__(self, over: threading.Event) -> None:
        producer = Producer.from_env(self._env)
        next_at = time.monotonic()
        while not over.wait(max(0.0, next_at - time.monotonic())):
            next_at += 1 / A_SECOND
            name, account = f"{LIVE}-{next(_names)}", (LIVE, REPLAYED)[len(self.sent) % 2]
            self.sent.append(Sent(name, account, time.monotonic(), 1_000 * time.time(), self.during))
            producer.enqueue("event-api", account=account, event={"clientEventId": name, "eventType": "conversion"})
        producer.close()


def load(env: dict[str, str], rate: float) -> Callable[[threading.Event], None]:
    """So many events a second of another account, in calls of a hundred."""

    def run(over: threading.Event) -> None:
        producer = Producer.from_env(env)
        next_at = time.monotonic()
        while not over.wait(max(0.0, next_at - time.monotonic())):
            next_at += CALL / rate
            events = ({"clientEventId": f"{LOAD}-{next(_names)}", "eventType": "conversion"} for _ in range(CALL))
            producer.enqueue_many({"destination": "event-api", "account": LOAD, "event": event} for event in events)
        producer.close()

    return run


@contextmanager
def beside(work: Callable[[threading.Event], None]) -> Iterator[None]:
    over = threading.Event()
    thread = threading.Thread(target=work, args=(over,))
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def rounds(bench: Bench, live: Live, letters: int, rate: float, times: int) -> float:
    """Turns of the same length, nearly. Gives the seconds in which the replay ran."""
    length, replaying = 0.5 * letters / times / rate, 0.0

    def turn(during: str, seconds: float) -> None:
        time.sleep(SETTLED_S)
        live.during = during
        time.sleep(seconds)
        live.during = ""

    for number in range(1, times + 1):
        turn(ALONE, length)
        with beside(load(bench.env, rate)):
            turn(LOADED, length)
        time.sleep(SETTLED_S)
        began, live.during = time.monotonic(), REPLAYING
        bench.steer(on=True)
        wanted = letters * number // times if number < times else letters
        eventually(partial(bench.has_moved, wanted), PATIENCE_S)
        live.during = ""
        bench.steer(on=False)
        replaying += time.monotonic() - began
    return replaying


def told(name: str, times: Sequence[float]) -> float:
    """Prints them (s); gives the p95."""
    cuts = quantiles(times, n=20)
    tell(f"  {name:<14} {len(times):>6} live events  p50 {cuts[9] * 1000:6.0f} ms  p95 {cuts[18] * 1000:6.0f} ms")
    return cuts[18]


def tell(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


async def until_tried(redis: Redis, env: dict[str, str], sent: Sequence[Sent]) -> list[float]:
    """Seconds until the worker began its attempt at each of some of them, by the records of their batches."""
    lookup = Lookup(redis, buffer_settings(env), caps_of(env))
    some = Random(1).sample(sent, min(ASKED_FOR, len(sent)))
    found = [(each, await lookup.find(each.name, each.account, "event-api", "conversion")) for each in some]
    return [(one.attempts[0].at - each.at_ms) / 1_000 for each, (one, *_) in found]


def report(bench: Bench, live: Live, arrived: dict[str, float]) -> None:
    kinds = {during: [each for each in live.sent if each.during == during] for during in (ALONE, LOADED, REPLAYING)}
    tell("from enqueue to the start of the attempt")
    for during, sent in kinds.items():
        told(during, bench.ask(partial(until_tried, env=bench.env, sent=sent)))
    tell("from enqueue to the arrival")
    p95 = {during: told(during, [arrived[e.name] - e.at for e in sent]) for during, sent in kinds.items()}
    most = p95[ALONE] * ALLOWED[0] + ALLOWED[1]
    tell(f"p95 may be {most * 1000:.0f} ms: {'kept' if p95[REPLAYING] <= most else 'NOT KEPT'}")


def tell_slow(redis: Any) -> None:
    """Which scripts kept Redis for more than a millisecond, and for how long at the longest."""
    names = {load_script("worker.buffer", name).sha: name for name in (*SCRIPTS, *READS)}
    names[load_script("producers", "append").sha] = "append"
    took: defaultdict[str, list[int]] = defaultdict(list)
    for entry in redis.slowlog_get(100_000):
        command, *words = entry["command"].decode("utf-8", "replace").split(" ", 2)
        took[names.get(words[0], command) if words else command].append(entry["duration"])
    for name, times in sorted(took.items(), key=lambda each: -sum(each[1]))[:MOST_TOLD]:
        half, most = median(times) / 1_000, max(times) / 1_000
        tell(
            f"  Redis was kept by {name:<14} {len(times):>5} times above 1 ms: p50 {half:.1f} ms, at most {most:.1f} ms"
        )


def begun(env: dict[str, str], letters: int, rate: float) -> str:
    """A replay of all letters, paused."""

    async def begin(redis: Redis) -> str:
        buffer, now = buffer_settings(env), now_ms()
        died = (now - HOUR_MS + number for number in range(letters))
        stock = (
            made(buffer, number, account=REPLAYED, died_at=at, event_time=at - 1_000) for number, at in enumerate(died)
        )
        await fill(redis, buffer, stock)
        replays = Replays(redis, buffer)
        replay = await replays.start(Filter("event-api", REPLAYED), by="bench", rate=rate)
        assert replay
        await replays.pause(replay)
        return replay

    return asyncio.run(with_redis(env["FORWARDER_REDIS_URL"], begin))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--replayed", type=int, default=100_000)
    parser.add_argument("--rate", type=float, default=1_000)
    parser.add_argument("--rounds", type=int, default=5)
    return parser.parse_args()


def main() -> None:
    asked = arguments()
    with TemporaryDirectory() as name, EmbeddedRedis(Path(name) / "redis", options=OPTIONS) as server:
        folder = Path(name)
        env = environment(server.url, FORWARDER_MAX_DEAD_LETTERS="0", LOG_LEVEL="WARNING")
        rokt = parts.sandbox(env, folder).start()
        env["FORWARDER_SANDBOX_URL"] = parts.sandbox_url(rokt)
        began = time.monotonic()
        slot = Slot(env["FORWARDER_KEY_PREFIX"], "event-api", 0)
        bench = Bench(env, sync_redis(server.url), slot, begun(env, asked.replayed, asked.rate))
        tell(f"{asked.replayed:,} letters filled in {time.monotonic() - began:.0f} s")
        worker = parts.worker(env, folder, ("-c", "2"), "worker").start()
        try:
            parts.wait_for_worker(bench.redis, slot.namespace, worker)
            live = Live(env)
            bench.redis.slowlog_reset()  # of the filling
            with beside(live):
                seconds = rounds(bench, live, asked.replayed, asked.rate, asked.rounds)
            tell_slow(bench.redis)
            moved = bench.moved()
            tell(f"{moved:,} replayed beside {A_SECOND} live events a second: {moved / seconds:,.0f} a second")
            Cli(env, folder, PATIENCE_S).drain(PATIENCE_S)
            with Sandbox(env["FORWARDER_SANDBOX_URL"]) as sandbox:
                taken = sandbox.taken("event-api")
            report(bench, live, {event: row["arrived"] for row in taken for event in row["ids"]})
        finally:
            worker.kill()
            rokt.stop()


if __name__ == "__main__":
    main()
