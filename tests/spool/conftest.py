"""A Redis of the test's own that may go away, and a spool folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.support import Cli, environment
from tests.spool.support import Shop
from worker.stack.redis_server import EmbeddedRedis


@pytest.fixture(scope="package")
def one_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedRedis]:
    """One server for all of them; each test leaves it running, and has a key prefix of its own."""
    with EmbeddedRedis(tmp_path_factory.mktemp("spooled") / "redis", appendfsync="no") as server:
        yield server


@pytest.fixture
def shop(one_redis: EmbeddedRedis, tmp_path: Path) -> Iterator[Shop]:
    folder = tmp_path / "spool"
    yield Shop(environment(one_redis.url, FORWARDER_SPOOL_DIR=str(folder)), one_redis, folder)
    if not one_redis.running:
        one_redis.restart()


@pytest.fixture
def cli(shop: Shop, tmp_path: Path) -> Cli:
    return Cli(shop.env, tmp_path)
