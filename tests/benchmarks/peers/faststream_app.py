"""FastStream's batch subscriber of a Redis list: one process of it."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
from faststream import FastStream  # type: ignore[import-not-found] # of the peers' own environment
from faststream.redis import ListSub, RedisBroker  # type: ignore[import-not-found]

from tests.benchmarks.peers.requests import Ready, requests_of
from tests.benchmarks.peers.surroundings import BATCH, REDIS, SINK, TIMEOUT_S, WORKLOAD

AT_ONCE = 8  # more make httpx slower
EVENTS = "events"

broker = RedisBroker(REDIS)
client = httpx.AsyncClient(base_url=SINK, timeout=TIMEOUT_S)
room = asyncio.Semaphore(AT_ONCE)


async def post(ready: Ready) -> None:
    async with room:
        (await client.post(ready.path, headers=ready.headers, content=ready.body)).raise_for_status()


@broker.subscriber(list=ListSub(EVENTS, batch=True, max_records=BATCH, polling_interval=0.05))  # type: ignore[untyped-decorator]
async def deliver(events: list[dict[str, Any]]) -> None:
    ready = requests_of(WORKLOAD, ((each["account"], each["event"]) for each in events))
    await asyncio.gather(*map(post, ready))


if __name__ == "__main__":
    asyncio.run(FastStream(broker).run())
