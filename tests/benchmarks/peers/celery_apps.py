"""One task an event, and `celery-batches`: `celery -A tests.benchmarks.peers.celery_apps worker`."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

import httpx
from celery import Celery
from celery_batches import Batches  # type: ignore[import-not-found] # of the peers' own environment

from tests.benchmarks.peers.requests import requests_of
from tests.benchmarks.peers.surroundings import BATCH, EVERY_S, PREFETCH, REDIS, SINK, TIMEOUT_S, WORKLOAD

app = Celery("peers", broker=REDIS)
app.conf.update(task_ignore_result=True, broker_connection_retry_on_startup=True, worker_prefetch_multiplier=PREFETCH)


@cache
def client() -> httpx.Client:
    """One a process of the pool, made at its first task."""
    return httpx.Client(base_url=SINK, timeout=TIMEOUT_S)


def send(events: Iterable[tuple[str, dict[str, Any]]]) -> None:
    for ready in requests_of(WORKLOAD, events):
        client().post(ready.path, headers=ready.headers, content=ready.body).raise_for_status()


@app.task  # type: ignore[untyped-decorator]
def deliver_one(account: str, event: dict[str, Any]) -> None:
    send([(account, event)])


@app.task(base=Batches, flush_every=BATCH, flush_interval=EVERY_S)  # type: ignore[untyped-decorator]
def deliver_many(requests: list[Any]) -> None:
    send((request.args[0], request.args[1]) for request in requests)
