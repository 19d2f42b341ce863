"""One running forwarder for all tests of the APIs; each test has accounts of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.apis.support import Fleet, Rokt, fleet
from worker.stack.redis_server import EmbeddedRedis


@pytest.fixture(scope="package")
def whole_fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """Two workers, all destinations. On a Redis of its own: other tests count the commands of theirs."""
    folder = tmp_path_factory.mktemp("fleet")
    with EmbeddedRedis(folder / "redis") as server, fleet(server.url, folder) as running:
        yield running


@pytest.fixture
def forwarder(whole_fleet: Fleet) -> Iterator[Fleet]:
    """The fleet, with no rule, limit or setting of another test."""
    yield whole_fleet
    whole_fleet.resume_all()
    whole_fleet.rokt.faults()
    whole_fleet.rokt.limits()
    whole_fleet.rokt.oauth(expires_in=3600)


@pytest.fixture
def rokt(forwarder: Fleet) -> Rokt:
    return forwarder.rokt
