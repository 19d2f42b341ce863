"""What one `enqueue` costs a checkout: `python -m tests.benchmarks.enqueue_latency [CALLS]`

Prints the median and the 99th percentile of single calls, and events a second, by one thread and by eight, on an
embedded Redis (AOF everysec).
"""

from __future__ import annotations

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

from producers import Producer
from producers.checkout import conversion
from worker.stack.redis_server import EmbeddedRedis

THREADS = 8
WARM = 200


def timed(producer: Producer, calls: int) -> list[float]:
    """Milliseconds of each call."""
    event, times = conversion(order_id="A-1", amount="85.00", currency="USD", email="jane@example.com"), []
    for _ in range(calls):
        began = time.perf_counter()
        producer.enqueue("event-api", account="1", event=event)
        times.append((time.perf_counter() - began) * 1000)
    return times


def measured(producer: Producer, calls: int, threads: int) -> str:
    began = time.perf_counter()
    with ThreadPoolExecutor(threads) as pool:
        times = sorted(
            each for part in pool.map(lambda _: timed(producer, calls // threads), range(threads)) for each in part
        )
    rate = len(times) / (time.perf_counter() - began)
    middle, tail = times[len(times) // 2], times[len(times) * 99 // 100]
    return f"{threads} thread(s): p50 {middle:.3f} ms, p99 {tail:.3f} ms, {rate:,.0f} events/s"


def main() -> None:
    calls = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    with TemporaryDirectory() as folder, EmbeddedRedis(Path(folder)) as server:
        producer = Producer.from_env({"FORWARDER_REDIS_URL": server.url, "FORWARDER_KEY_PREFIX": "bench"})
        timed(producer, WARM)
        for threads in (1, THREADS):
            sys.stdout.write(measured(producer, calls, threads) + "\n")
        producer.close()


if __name__ == "__main__":
    main()
