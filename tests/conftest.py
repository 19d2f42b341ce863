"""Fixtures on real parts: a Redis server of our own, the sandbox over HTTP, a Celery worker as a process."""

from __future__ import annotations

import os
import signal
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from redis.asyncio import Redis

from tests.support import certificates, forked
from tests.support.order import LongestFirst
from tests.support.sandbox import Sandbox
from worker.connection.client import async_redis, sync_redis
from worker.stack import parts
from worker.stack.child import Child
from worker.stack.redis_server import EmbeddedRedis

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as a shell starts what runs in its background
    signal.signal(signal.SIGINT, signal.default_int_handler)  # else no program of the tests would hear of Ctrl-C

Environment = dict[str, str]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LongestFirst | None:
    """With `--dist loadfile`; the order in which tests were collected is that in which they run within a unit."""
    return LongestFirst(config, log) if config.getvalue("dist") == "loadfile" else None


@pytest.fixture(scope="session", autouse=True)
def _forked_programs() -> Iterator[None]:
    """Workers and sandboxes need not import Celery anew (`tests/support/forked.py`)."""
    with patch("worker.stack.child.spawn", forked.start):
        yield


@pytest.fixture(scope="session", autouse=True)
def _certificates_read_once() -> Iterator[None]:
    with certificates.read_once():
        yield


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedRedis]:
    """One server for the whole run. Tests do not restart it, and each has a key prefix of its own."""
    with EmbeddedRedis(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[EmbeddedRedis]:
    """A server for one test alone, to be killed and restarted.

    Every write is the kernel's before it is confirmed, so a kill loses none; it does not wait for the disk as well,
    which would help only if the machine ended, and takes long where others write.
    """
    with EmbeddedRedis(tmp_path / "own-redis", appendfsync="no") as server:
        yield server


@pytest.fixture
def prefix() -> str:
    """A key prefix that no other test has."""
    return f"test-{uuid.uuid4().hex[:12]}"


@pytest.fixture
async def redis(redis_server: EmbeddedRedis) -> AsyncIterator[Redis]:
    client = async_redis(redis_server.url)
    yield client
    await client.aclose()


@pytest.fixture
def env(redis_server: EmbeddedRedis, prefix: str) -> Environment:
    """The environment of the programs under test: nothing of the developer's own steers them."""
    return parts.clean(
        os.environ,
        FORWARDER_REDIS_URL=redis_server.url,
        FORWARDER_KEY_PREFIX=prefix,
        FORWARDER_LINGER_MS="100",
        FORWARDER_ENQUEUE_BUDGET_MS="1000",  # on a busy machine
        FORWARDER_RETRY_FIRST_S="0.2",
        FORWARDER_RETRY_LONGEST_S="0.5",
    )


@pytest.fixture
def sandbox(env: Environment, tmp_path: Path) -> Iterator[Sandbox]:
    """A sandbox of this test's own; the environment points at it."""
    child = parts.sandbox(env, tmp_path).start()
    try:
        url = parts.sandbox_url(child)
        env["FORWARDER_EVENT_API_URL"] = url
        with Sandbox(url) as control:
            yield control
    finally:
        child.stop()


@pytest.fixture
def start_worker(env: Environment, tmp_path: Path) -> Iterator[Callable[..., Child]]:
    """Starts real Celery workers on the environment. SIGKILL after the test: Celery takes seconds to end in order."""
    started: list[Child] = []

    def start(**variables: str) -> Child:
        worker_env = {**env, **variables}
        child = parts.worker(worker_env, tmp_path, ("-c", "2"), name=f"worker{len(started)}").start()
        started.append(child)
        redis = sync_redis(worker_env["FORWARDER_REDIS_URL"])
        parts.wait_for_worker(redis, worker_env["FORWARDER_KEY_PREFIX"], child)
        redis.close()
        return child

    yield start
    for child in reversed(started):
        child.kill()
