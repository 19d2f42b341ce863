"""What does it cost to know which ids were accepted? `python -m tests.benchmarks.duplicates_index [N …]`

Appends N events with the index and without it, 500 a call, and prints bytes of Redis's memory an id (the difference)
and microseconds of Redis's main thread an event, single calls included; then what a producer spends on the prints.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from timeit import timeit
from typing import Any, NamedTuple

from redis.exceptions import NoScriptError

from producers.append import APPEND, Entry, append_call
from producers.destinations.event_api import EVENT_API
from producers.keys import Slot
from producers.prints import print_of_content, print_of_id
from producers.settings import BatchSettings, BufferSettings
from worker.connection.client import sync_redis
from worker.stack.redis_server import EmbeddedRedis

CALL = 500
SINGLE = 2_000
SLOT = Slot("bench", "event-api", 0)
STORED = bytes(17) + b'{"clientEventId":"order-000000000","eventType":"conversion"}'
NO_REWRITE = {"auto-aof-rewrite-percentage": "0"}  # its fork and its copies are another question


class Cost(NamedTuple):
    """Redis's memory in bytes, and its microseconds an event in calls of many and in calls of one."""

    memory: int
    many: float
    one: float


def entries(first: int, count: int) -> Iterator[Entry]:
    for number in range(first, first + count):
        known_by = print_of_id("1", "conversion", f"order-{number:09d}") + print_of_content(STORED, "", "")
        yield Entry("1", "", "", 0, len(STORED) - 16, STORED, known_by)


def append(redis: Any, first: int, count: int, window_s: int) -> None:
    batch = BatchSettings(max_events=100, max_bytes=1_000_000, duplicates_window_s=window_s)
    call = append_call(SLOT, BufferSettings(), EVENT_API, batch, entries(first, count))
    try:
        added = redis.execute_command("EVALSHA", APPEND.sha, *call.command)
    except NoScriptError:
        added = redis.execute_command("EVAL", APPEND.text, *call.command)
    assert added == count


def spent(redis: Any) -> float:
    """Microseconds that Redis's main thread worked: other programs on the machine do not count."""
    told = redis.info("cpu")
    return 1e6 * float(told["used_cpu_user_main_thread"] + told["used_cpu_sys_main_thread"])


def cost(url: str, count: int, window_s: int) -> Cost:
    redis: Any = sync_redis(url)
    redis.execute_command("FLUSHALL", "SYNC")
    append(redis, 0, 1, window_s)  # with the script itself
    append(redis, 1, 1, window_s)
    before = int(redis.info("memory")["used_memory"])
    began = spent(redis)
    for first in range(2, count + 2, CALL):
        append(redis, first, CALL, window_s)
    many = (spent(redis) - began) / count
    memory = int(redis.info("memory")["used_memory"]) - before
    began = spent(redis)
    for first in range(count + 2, count + 2 + SINGLE):
        append(redis, first, 1, window_s)
    one = (spent(redis) - began) / SINGLE
    redis.close()
    return Cost(memory, many, one)


def prints_us(times: int = 100_000) -> float:
    def both() -> None:
        print_of_id("12345", "conversion", "2e4b1f6e-0f4f-4c0e-9d55-1c1f3d8f7a10")
        print_of_content(STORED * 5, "", "")

    return timeit(both, number=times) / times * 1e6


def main() -> None:
    counts = [int(number) for number in sys.argv[1:]] or [10_000, 100_000, 1_000_000]
    with TemporaryDirectory() as folder, EmbeddedRedis(Path(folder) / "redis", options=NO_REWRITE) as server:
        for count in counts:
            off, on = cost(server.url, count, 0), cost(server.url, count, 86_400)
            told = f"{count:>9} ids: {(on.memory - off.memory) / count:5.1f} bytes an id"
            times = f"{off.many:.2f} -> {on.many:.2f} us an event ({CALL} a call), {off.one:.1f} -> {on.one:.1f} alone"
            print(told, times, sep="; ")  # noqa: T201 - for a person
    print(f"prints: {prints_us():.2f} us an event in the producer")  # noqa: T201 - for a person


if __name__ == "__main__":
    main()
