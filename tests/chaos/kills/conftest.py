"""A sandbox and a Redis for many kills; each has a buffer and an account of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.apis.support import Fleet, fleet
from tests.chaos.kills.ground import QUICK, Ground
from worker.stack.redis_server import EmbeddedRedis


@pytest.fixture(scope="session")
def rokt_and_redis(redis_server: EmbeddedRedis, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    with fleet(redis_server.url, tmp_path_factory.mktemp("kills"), workers=0, **QUICK) as running:
        yield running


@pytest.fixture
def ground(rokt_and_redis: Fleet, prefix: str) -> Iterator[Ground]:
    ground = Ground(rokt_and_redis, prefix)
    yield ground
    ground.close()
