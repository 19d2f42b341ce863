"""A shop that uses this project's producer: `… -m tests.benchmarks.compare.forwarder_shop WORKLOAD MODE COROUTINES`.

Modes: `single` synchronous calls, `many100` a call; `async64`: so many coroutines of one loop, its part of 64.
"""

from __future__ import annotations

import asyncio
import sys
import time
from typing import Any

from producers import Producer
from producers.asynchronous import AsyncProducer
from tests.benchmarks.compare.shop import Lines, Send, one_by_one, serve
from tests.benchmarks.compare.workloads import WORKLOADS

CALL = 100


def single(destination: str, _coroutines: int) -> Send:
    enqueue = Producer.from_env().enqueue
    return lambda made: one_by_one(lambda account, event: enqueue(destination, account=account, event=event), made)


def many100(destination: str, _coroutines: int) -> Send:
    producer = Producer.from_env()

    def send(made: Lines) -> list[float]:
        took = []
        for start in range(0, len(made), CALL):
            chunk = made[start : start + CALL]
            began = time.perf_counter()
            results = producer.enqueue_many(
                [{"destination": destination, "account": account, "event": event} for account, event in chunk]
            )
            took.append(time.perf_counter() - began)
            refused = [result.error for result in results if result.error is not None]
            if refused:
                raise refused[0]
        return took

    return send


def async64(destination: str, coroutines: int) -> Send:
    loop = asyncio.new_event_loop()
    shop = AsyncProducer.from_env()

    async def caller(waiting: Any, took: list[float]) -> None:
        for account, event in waiting:
            began = time.perf_counter()
            await shop.enqueue(destination, account=account, event=event)
            took.append(time.perf_counter() - began)

    async def all_callers(made: Lines) -> list[float]:
        waiting, took = iter(made), list[float]()
        await asyncio.gather(*(caller(waiting, took) for _ in range(coroutines)))
        return took

    return lambda made: loop.run_until_complete(all_callers(made))


MODES = {"single": single, "async64": async64, "many100": many100}

if __name__ == "__main__":
    workload, mode, coroutines = sys.argv[1:]
    serve(workload, MODES[mode](WORKLOADS[workload], int(coroutines)))
