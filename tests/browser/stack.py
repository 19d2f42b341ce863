"""Sandbox, worker and console as processes, with events of which Rokt refuses many."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from tests.browser.support import TOKEN
from tests.integration.support import Cli, Forwarder, Line, running, sample, samples
from worker.connection.client import sync_redis
from worker.metrics.samples import EVERY_S, key
from worker.stack import parts
from worker.stack.ports import LOOPBACK, free_port, wait_http

SHOP, OTHER = "20441", "20977"
REASON = "EventTypeNotConfigured"
MESSAGE = "The event type is not configured for this account."
REFUSED = 120
TYPO = f"{SHOP}-typo"


class Stack(NamedTuple):
    """A forwarder, and where its console is."""

    forwarder: Forwarder
    url: str

    @property
    def cli(self) -> Cli:
        return self.forwarder.cli


@contextmanager
def started(redis_url: str, folder: Path) -> Iterator[Stack]:
    with running(redis_url, folder) as forwarder:
        port = free_port()
        console = parts.console(forwarder.cli.env, folder, port, TOKEN).start()
        try:
            url = f"http://{LOOPBACK}:{port}"
            _a_night(forwarder)
            wait_http(f"{url}/healthz", parts.READY_S, console)
            yield Stack(forwarder, url)
        finally:
            console.stop()


def _a_night(forwarder: Forwarder) -> None:
    """One shop sends a type that Rokt does not know yet, and misspelled it once; another sent wrong amounts."""
    refused = {"refuse": True, "code": REASON, "message": MESSAGE}
    amount = {"refuse": True, "code": "InvalidAmount", "message": "amount is not a positive number"}
    forwarder.sandbox.faults(
        {**refused, "match": {"account": SHOP, "event": {"eventType": "purhcase"}}},
        {**refused, "match": {"account": SHOP, "event": {"eventType": "purchase"}}},
        {**amount, "match": {"event": {"objectData.amount": "0.00"}}},
    )
    _sampled(forwarder.cli)
    forwarder.cli.enqueue(
        [
            *samples(OTHER, 200),
            *samples(OTHER, 7, 200, amount="0.00"),
            *(
                typed("purchase", sample(SHOP, number, email=f"shopper.{number}@example.com"))
                for number in range(REFUSED)
            ),
            typed("purhcase", sample(SHOP, 0, email="shopper@example.com"), TYPO),
        ]
    )
    forwarder.cli.drain()


def typed(event_type: str, line: Line, event_id: str = "") -> Line:
    event = {**line["event"], "eventType": event_type}
    return {**line, "event": {**event, "clientEventId": event_id or event["clientEventId"]}}


def mended(stack: Stack) -> None:
    """Rokt knows the type now; what is misspelled it still refuses."""
    refused = {"refuse": True, "code": REASON, "message": MESSAGE}
    stack.forwarder.sandbox.faults({**refused, "match": {"event": {"eventType": "purhcase"}}})


def _sampled(cli: Cli) -> None:
    """Samples of three hours, as workers take them, so that there is something to draw."""
    now, each = round(time.time()), 2 * EVERY_S
    redis = sync_redis(cli.env["FORWARDER_REDIS_URL"])
    pipeline = redis.pipeline(transaction=False)
    pipeline.delete(key(cli.env["FORWARDER_KEY_PREFIX"]))  # the worker's first, which is later
    delivered = requests = 0
    bounds = {"100": 0, "250": 0}
    for at in range(now - 3 * 3_600, now - 60, each):
        rate = 40 + 25 * abs((at // 600) % 8 - 4) // 4 + at % 7
        delivered, requests = delivered + rate * each, requests + rate * each // 100
        bounds = {"100": requests * 9 // 10, "250": requests - requests * 9 // 10}
        counted: dict[str, Any] = {"c": [delivered, delivered, 0, requests, 0], "l": bounds, "g": [0, 0, 0]}
        pipeline.xadd(key(cli.env["FORWARDER_KEY_PREFIX"]), {"data": json.dumps({"event-api": counted})}, f"{at}000-0")
    pipeline.execute()
    redis.close()
