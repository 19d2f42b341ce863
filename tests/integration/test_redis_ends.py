"""Redis that is killed under load comes back with everything it had confirmed, and the worker goes on by itself."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from producers import EnqueueFailed, Producer
from tests.conftest import Environment
from tests.integration.support import Cli, sample, times_accepted
from tests.support.sandbox import Sandbox
from worker.stack.child import Child
from worker.stack.redis_server import EmbeddedRedis

KILLED_AT = (500, 1_500)


class Shop:
    """Enqueues events, a few at a time, until it is told to stop; it knows what was accepted and what is unsure."""

    def __init__(self, env: Environment) -> None:
        self.accepted: set[str] = set()
        self.unsure: set[str] = set()
        self._producer = Producer.from_env(env)
        self._closed = threading.Event()

    @contextmanager
    def open(self) -> Iterator[Shop]:
        thread = threading.Thread(target=self._sell)
        thread.start()
        try:
            yield self
        finally:
            self._closed.set()
            thread.join()
            self._producer.close()

    def _sell(self) -> None:
        number = 0
        while not self._closed.wait(0.005):  # some thousand events a second
            lines = [sample(f"3000{place % 3}", number + place) for place in range(10)]
            number += len(lines)
            for event_id, result in zip(
                [line["event"]["clientEventId"] for line in lines], self._producer.enqueue_many(lines), strict=True
            ):
                if result.error is None:
                    self.accepted.add(event_id)
                elif isinstance(result.error, EnqueueFailed) and result.error.maybe_accepted:
                    self.unsure.add(event_id)


def test_redis_killed_under_load_loses_nothing_that_was_accepted(
    cli: Cli, env: Environment, own_redis: EmbeddedRedis, sandbox: Sandbox, start_worker: Callable[..., Child]
) -> None:
    """With `appendfsync always`: no event is lost and none doubled, and the same worker delivers them."""
    env |= {"FORWARDER_REDIS_URL": own_redis.url, "FORWARDER_LEASE_S": "3", "FORWARDER_HTTP_TIMEOUT_S": "2"}
    worker = start_worker()
    with Shop(env).open() as shop:
        for events in KILLED_AT:
            sandbox.wait(events=events)
            own_redis.kill()
            own_redis.restart()
        sandbox.wait(events=sandbox.summary()["events"]["distinct"] + 1_000)
    ledger = cli.drain()
    assert worker.running, worker.ending()
    accepted = times_accepted(sandbox)
    assert shop.accepted <= accepted.keys() <= shop.accepted | shop.unsure
    assert set(accepted.values()) == {1}
    assert ledger["accepted"] == ledger["delivered"] == len(accepted)
