"""One console for the tests of a module, each test with a browser of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from producers.keys import Slot
from tests.console.support import Browser, Console, bury, served
from tests.integration.support import environment
from worker.connection.client import with_redis
from worker.stack.redis_server import EmbeddedRedis

Bury = Callable[..., None]


@pytest.fixture(scope="module")
def console(redis_server: EmbeddedRedis) -> Iterator[Console]:
    with served(environment(redis_server.url)) as running:
        yield running


@pytest.fixture
def browser(console: Console) -> Iterator[Browser]:
    """Signed in."""
    with Browser(console.url, console.access) as client:
        yield client


@pytest.fixture(scope="module")
def buried(console: Console) -> Bury:
    """Makes a dead letter of `event-api`."""
    slot = Slot(console.env["FORWARDER_KEY_PREFIX"], "event-api", 0)

    def make(event_id: str, **fields: Any) -> None:
        asyncio.run(with_redis(console.env["FORWARDER_REDIS_URL"], lambda redis: bury(redis, slot, event_id, **fields)))

    return make
