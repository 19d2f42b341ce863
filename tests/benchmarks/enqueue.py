"""What does an event cost a shop? `python -m tests.benchmarks.enqueue [SECONDS]`

Enqueues conversions of about 600 bytes for 8 accounts on an embedded Redis (AOF everysec): one call after the other, 64
coroutines at a time, and a hundred in a call. Prints p50 and p99 of a call and events a second; then the CPU of this
process: to check an event of each destination, for an event of a call that holds a hundred, for one of 64 coroutines,
and for one `enqueue` beside `celery .delay()` with the same payload, in turns. Medians of the rounds.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory
from typing import Any

import celery

from producers import Producer
from producers.asynchronous import AsyncProducer
from producers.checkout import conversion
from producers.settings import PATIENT
from worker.stack.redis_server import EmbeddedRedis

ROUNDS = 3
CALLERS = 64
CALL = 100
CPU_CALLS = 1_000
ACCOUNTS = 8
FILL = {f"attribute{number}": "x" * 30 for number in range(4)}


def events() -> Iterator[tuple[str, dict[str, Any]]]:
    """Account and event, without end."""
    for number in count():
        order, email = f"A-{number:09d}", f"customer.{number}@example.com"
        event = conversion(order_id=order, amount="129.95", currency="USD", email=email, product="Tickets", extra=FILL)
        yield str(50_000 + number % ACCOUNTS), event


def single(producer: Producer, seconds: float) -> tuple[list[float], int]:
    """Seconds of each call, and the events."""
    return _timed(seconds, lambda account, event: producer.enqueue("event-api", account=account, event=event))


def _timed(seconds: float, call: Callable[[str, dict[str, Any]], object]) -> tuple[list[float], int]:
    took, ends = [], time.perf_counter() + seconds
    for account, event in events():
        began = time.perf_counter()
        call(account, event)
        now = time.perf_counter()
        took.append(now - began)
        if now >= ends:
            return took, len(took)
    raise AssertionError("events never end")


async def gathered(producer: Producer, seconds: float) -> tuple[list[float], int]:
    """The same, of 64 callers that share calls."""
    shop, took, source, ends = AsyncProducer(producer), list[float](), events(), time.perf_counter() + seconds

    async def caller() -> None:
        while time.perf_counter() < ends:
            account, event = next(source)
            began = time.perf_counter()
            await shop.enqueue("event-api", account=account, event=event)
            took.append(time.perf_counter() - began)

    await asyncio.gather(*(caller() for _ in range(CALLERS)))
    return took, len(took)


def many(producer: Producer, seconds: float) -> tuple[list[float], int]:
    """The same, of calls that hold a hundred."""
    took, source, ends = list[float](), events(), time.perf_counter() + seconds
    while time.perf_counter() < ends:
        lines = [{"destination": "event-api", "account": a, "event": e} for a, e in (next(source) for _ in range(CALL))]
        began = time.perf_counter()
        results = producer.enqueue_many(lines)
        took.append(time.perf_counter() - began)
        assert not any(result.error for result in results)
    return took, len(took) * CALL


def cpu_us(call: Callable[[str, dict[str, Any]], object]) -> float:
    """Of this process, for one call."""
    source = events()
    given = [next(source) for _ in range(CPU_CALLS)]
    began = time.process_time()
    for account, event in given:
        call(account, event)
    return (time.process_time() - began) / CPU_CALLS * 1e6


def checked_us(producer: Producer, line: dict[str, Any]) -> float:
    """Of this process, to check an event and make what will be stored of it."""
    return cpu_us(lambda _account, _event: producer.preparer.prepare_line(line))


def rates_us(call: Callable[[], tuple[list[float], int]]) -> float:
    """Of this process, for an event of a kind of call (the event's own making included)."""
    began = time.process_time()
    _, done = call()
    return (time.process_time() - began) / done * 1e6


def a_line_of_each() -> Iterator[dict[str, Any]]:
    """About 600 bytes where the API takes so many; id and time are made."""
    pairs = [{"name": f"attribute{number}", "value": "x" * 18} for number in range(9)]
    signal = {"eventType": "SignalViewed", "sessionId": "s", "parentGuid": "g" * 36, "clientUniqueId": "c"}
    yield {"destination": "event-api", "account": "1", "event": {"eventType": "conversion", "objectData": pairs}}
    yield {"destination": "server-events", "account": "1", "event": {**signal, "metadata": pairs}}
    yield {"destination": "audience", "account": "1", "event": {"action": "include", "email": "a@example.com"}}


def delay(url: str) -> Callable[[str, dict[str, Any]], object]:
    """What teams write today: a task an event, as a publisher that must not block has to set it up."""
    app = celery.Celery("bench", broker=url)
    app.conf.update(task_publish_retry=False, task_ignore_result=True)
    app.conf.broker_transport_options = {"socket_timeout": 0.5, "socket_connect_timeout": 0.5, "max_retries": 0}

    @app.task(name="send")  # type: ignore[untyped-decorator]
    def send(_account: str, _event: dict[str, Any]) -> None:
        """Never run here."""

    return lambda account, event: send.delay(account, event)


def main(seconds: float) -> None:
    with TemporaryDirectory() as folder, EmbeddedRedis(Path(folder)) as server:
        producer = Producer.from_env({"FORWARDER_REDIS_URL": server.url, "FORWARDER_KEY_PREFIX": "bench", **PATIENT})
        kinds: dict[str, Callable[[], tuple[list[float], int]]] = {
            "single": lambda: single(producer, seconds),
            f"async, {CALLERS} callers": lambda: asyncio.run(gathered(producer, seconds)),
            f"many, {CALL} a call": lambda: many(producer, seconds),
        }
        for name, kind in kinds.items():
            rounds = [kind() for _ in range(ROUNDS)]
            _print(name, rounds, seconds)
        for line in a_line_of_each():
            us = median(checked_us(producer, line) for _ in range(ROUNDS))
            print(f"CPU to check an event of {line['destination']}: {us:.1f} us")  # noqa: T201
        for name, kind in list(kinds.items())[1:]:
            print(f"CPU of an event, {name}: {median(rates_us(kind) for _ in range(ROUNDS)):.1f} us")  # noqa: T201
        _print_cpu(producer, delay(f"{server.url.rpartition('/')[0]}/1"))
        producer.close()


def _print(name: str, rounds: list[tuple[list[float], int]], seconds: float) -> None:
    cuts = [quantiles(took, n=100) for took, _ in rounds]
    p50, p99 = (median(cut[place] for cut in cuts) * 1e6 for place in (49, 98))
    rate = median(done for _, done in rounds) / seconds
    print(f"{name:20} p50 {p50:8.0f} us   p99 {p99:8.0f} us   {rate:9.0f} events/s")  # noqa: T201


def _print_cpu(producer: Producer, celery_delay: Callable[[str, dict[str, Any]], object]) -> None:
    ours: list[float] = []
    theirs: list[float] = []
    for _ in range(ROUNDS):
        ours.append(cpu_us(lambda account, event: producer.enqueue("event-api", account=account, event=event)))
        theirs.append(cpu_us(celery_delay))
    enqueue_us, delay_us = median(ours), median(theirs)
    ratio = enqueue_us / delay_us
    print(f"CPU of enqueue {enqueue_us:.0f} us, of celery .delay() {delay_us:.0f} us: {ratio:.3f} of it")  # noqa: T201


if __name__ == "__main__":
    main(float(sys.argv[1]) if sys.argv[1:] else 5.0)
