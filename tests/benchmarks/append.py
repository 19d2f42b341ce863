"""What does an append cost? No test: `python -m tests.benchmarks.append [--ids N] [--rounds N] [--against CHECKOUT]`.

Microseconds of Redis's main thread an event, and of the producer's process for making the call, in calls of 100 and of
one: W1 (8 accounts) and W2 (sessions of 4 events), without the index of accepted ids and with it (`--ids`: so many lie
in it already). Then Redis's memory an event that waits, beside its payload. `--against` another checkout: in turns.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import count, islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from msgspec.structs import replace
from redis.exceptions import NoScriptError

from producers.append import APPEND, Entry, append_call
from producers.destinations.event_api import EVENT_API
from producers.keys import Slot
from producers.prints import print_of_content, print_of_id
from producers.settings import BatchSettings, BufferSettings
from worker.connection.client import sync_redis
from worker.stack.redis_server import EmbeddedRedis

HERE = Path(__file__).resolve().parents[2]
SLOT = Slot("bench", "event-api", 0)
PAYLOAD = 600
STORED = bytes(17) + b'{"clientUniqueId":"%09d"' + b" " * (PAYLOAD - 36) + b"}"
DAY_S = 86_400
MANY, ALONE, CALLS, CALLS_ALONE = 100, 1, 200, 2_000
NO_REWRITE = {"auto-aof-rewrite-percentage": "0"}  # its fork and its copies are another question


def w1(session: int = 8) -> Iterator[tuple[str, str]]:
    """Accounts and order keys: 8 accounts, whose events stand in no order."""
    return ((f"a{number % session}", "") for number in count())


def w2(size: int = 4) -> Iterator[tuple[str, str]]:
    """Sessions of `size` events, over 8 accounts."""
    return ((f"a{number // size % 8}", f"session-{number // size:027d}") for number in count())


def mixed() -> Iterator[tuple[str, str]]:
    """Sessions of 1 to 25 events, 4 in the mean."""
    dice = random.Random(1)
    for number in count():
        for _ in range(min(25, 1 + int(dice.expovariate(0.298)))):
            yield f"a{number % 8}", f"session-{number:027d}"


def entries(of: Iterator[tuple[str, str]], first: int, events: int) -> list[Entry]:
    return [entry(account, order, number) for number, (account, order) in enumerate(islice(of, events), first)]


def entry(account: str, order: str, number: int) -> Entry:
    stored = STORED % number
    print_ = print_of_id(account, "conversion", str(number)) + print_of_content(stored, order, "")
    return Entry(account, order, "", 1_800_000_000_000 + number, PAYLOAD + 1, stored, print_)


def append(redis: Any, given: list[Entry], window_s: int) -> float:
    """Gives the seconds that the producer took for the call's arguments."""
    began = time.process_time()
    batch = BatchSettings(max_events=100, max_bytes=1_000_000, duplicates_window_s=window_s)
    command = append_call(SLOT, BufferSettings(), EVENT_API, batch, given).command
    took = time.process_time() - began
    try:
        added = redis.execute_command("EVALSHA", APPEND.sha, *command)
    except NoScriptError:
        added = redis.execute_command("EVAL", APPEND.text, *command)
    assert added == len(given)
    return took


def spent(redis: Any) -> float:
    """Microseconds that Redis's main thread worked: other programs on the machine do not count."""
    told = redis.info("cpu")
    return 1e6 * float(told["used_cpu_user_main_thread"] + told["used_cpu_sys_main_thread"])


def filled(redis: Any, ids: int) -> int:
    """The number of the next event."""
    of = ((f"a{number % 8}", "") for number in count())
    for first in range(0, ids, 500):
        given = entries(of, first, 500)
        append(redis, [replace(each, stored=bytes(17) + b"{}", size=3) for each in given], DAY_S)
    return ids


def cost(redis: Any, of: Iterator[tuple[str, str]], size: int, window_s: int, ids: int) -> tuple[float, float]:
    redis.execute_command("FLUSHALL", "SYNC")
    calls, first = (CALLS if size > 1 else CALLS_ALONE), filled(redis, ids)
    given = [entries(of, first + size * call, size) for call in range(calls + 2)]
    for each in given[:2]:
        append(redis, each, window_s)
    began = spent(redis)
    made = sum(append(redis, each, window_s) for each in given[2:])
    return (spent(redis) - began) / calls / size, 1e6 * made / calls / size


def memory(redis: Any, of: Iterator[tuple[str, str]], calls: int = 200) -> float:
    """Bytes of Redis for the events that wait, beside their own."""
    redis.execute_command("FLUSHALL", "SYNC")
    append(redis, entries(of, 0, 1), 0)  # with the script itself
    before = int(redis.info("memory")["used_memory"])
    for call in range(calls):
        append(redis, entries(of, 1 + MANY * call, MANY), 0)
    return (int(redis.info("memory")["used_memory"]) - before) / calls / MANY / PAYLOAD


def measured(url: str, ids: int) -> dict[str, float]:
    redis: Any = sync_redis(url)
    told: dict[str, float] = {}
    for name, of in {"W1": w1, "W2": w2}.items():
        for size in (MANY, ALONE):
            for index, window_s in {"no index": 0, "index": DAY_S}.items():
                in_redis, in_producer = cost(redis, of(), size, window_s, ids if window_s else 0)
                told[f"{name}, calls of {size}, {index}: Redis us an event"] = in_redis
                told[f"{name}, calls of {size}, {index}: producer us an event"] = in_producer
    told |= {f"{name}: memory x payload": memory(redis, of) for name, of in {"W1": w1(), "W2": mixed()}.items()}
    redis.close()
    return told


def measured_in(checkout: Path, url: str, ids: int) -> dict[str, float]:
    environ = {**os.environ, "PYTHONPATH": str(checkout)}
    command = [sys.executable, "-P", __file__, "--redis", url, "--ids", str(ids)]
    told = subprocess.run(command, check=True, cwd=checkout, env=environ, stdout=subprocess.PIPE).stdout
    return dict(json.loads(told))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ids", type=int, default=0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--against", type=Path)
    parser.add_argument("--redis", help="measure there, and write JSON")
    asked = parser.parse_args()
    if asked.redis:
        sys.stdout.write(json.dumps(measured(asked.redis, asked.ids)))
        return
    checkouts = [HERE, *([asked.against.resolve()] if asked.against else [])]
    with TemporaryDirectory() as folder, EmbeddedRedis(Path(folder) / "redis", options=NO_REWRITE) as server:
        rounds = [[measured_in(checkout, server.url, asked.ids) for checkout in checkouts] for _ in range(asked.rounds)]
    for name in rounds[0][0]:
        medians = [statistics.median(each[place][name] for each in rounds) for place in range(len(checkouts))]
        sys.stdout.write(f"{name:<50}" + "".join(f"{median:9.2f}" for median in medians) + "\n")


if __name__ == "__main__":
    main()
