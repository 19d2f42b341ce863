"""How a peer's user enqueues: `python -m tests.benchmarks.peers.shops SYSTEM MODE`. See `compare/shop.py`."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable

from tests.benchmarks.compare.shop import Lines, Send, one_by_one, serve
from tests.benchmarks.peers.surroundings import WORKLOAD

CALL = 100


def task_per_event() -> Send:
    from tests.benchmarks.peers.celery_apps import deliver_one

    return lambda made: one_by_one(deliver_one.delay, made)


def celery_batches() -> Send:
    from tests.benchmarks.peers.celery_apps import deliver_many

    return lambda made: one_by_one(deliver_many.delay, made)


def faststream(mode: str) -> Send:
    """One `publish` after the other, or a hundred at once."""
    from tests.benchmarks.peers.faststream_app import EVENTS, broker

    loop = asyncio.new_event_loop()
    loop.run_until_complete(broker.connect())

    async def publish(made: Lines) -> list[float]:
        took, step = [], CALL if mode == "many100" else 1
        for start in range(0, len(made), step):
            began = time.perf_counter()
            messages = [{"account": account, "event": event} for account, event in made[start : start + step]]
            if step > 1:
                await broker.publish_batch(*messages, list=EVENTS)
            else:
                await broker.publish(messages[0], list=EVENTS)
            took.append(time.perf_counter() - began)
        return took

    return lambda made: loop.run_until_complete(publish(made))


SHOPS: dict[str, Callable[[str], Send]] = {
    "task_per_event": lambda _mode: task_per_event(),
    "celery_batches": lambda _mode: celery_batches(),
    "faststream": faststream,
}

if __name__ == "__main__":
    system, mode = sys.argv[1:]
    serve(WORKLOAD, SHOPS[system](mode))
