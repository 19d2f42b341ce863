"""A broker of its own for each test, a shop that sends through the queue, and a look into the buffer."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conftest import Environment
from tests.intake.support import Buffer, Shop
from worker.stack.redis_server import EmbeddedRedis


@pytest.fixture
def env(env: Environment, own_redis: EmbeddedRedis) -> Environment:
    """So that a test may end or fill it."""
    env["FORWARDER_REDIS_URL"] = own_redis.url
    return env


@pytest.fixture
def shop(env: Environment) -> Iterator[Shop]:
    shop = Shop(env["FORWARDER_REDIS_URL"], env["FORWARDER_KEY_PREFIX"])
    yield shop
    shop.close()


@pytest.fixture
def buffer(shop: Shop, env: Environment) -> Buffer:
    return Buffer(shop.redis, env["FORWARDER_KEY_PREFIX"])
