"""A forwarder of three workers on one sandbox, tuned to be quick; each test has accounts of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.apis.support import Fleet, fleet
from worker.stack.redis_server import EmbeddedRedis

QUICK = {
    "FORWARDER_LINGER_MS": "50",
    "FORWARDER_RETRY_FIRST_S": "0.1",
    "FORWARDER_RETRY_LONGEST_S": "0.5",
    "FORWARDER_SHARDS": "1",
    "FORWARDER_SERVER_EVENTS_ACCOUNT_IN_FLIGHT": "8",  # those under way at a refusal count beside those after it
    "FORWARDER_CIRCUIT_FIRST_S": "0.3",
    "FORWARDER_EVENT_API_IDEMPOTENCY_KEYS": "0",
}


@pytest.fixture(scope="package")
def three_workers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    folder = tmp_path_factory.mktemp("outcomes")
    with EmbeddedRedis(folder / "redis") as server, fleet(server.url, folder, 3, **QUICK) as running:
        yield running


@pytest.fixture
def forwarder(three_workers: Fleet) -> Iterator[Fleet]:
    """With no rule of another test, and nothing held."""
    yield three_workers
    three_workers.rokt.faults()
    three_workers.resume_all()
