"""Redis in trouble under load: producers are told in bounded time, nothing is lost, and delivery resumes by itself.

One forwarder goes through all of it; in the end everything that was accepted was delivered, and the ledger balances.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from redis import Redis

from tests.integration.support import eventually, times_accepted
from tests.redis.proxy import Proxy
from tests.redis.troubles import BOUND_S, TROUBLES, Scene, scene
from worker.stack.redis_server import EmbeddedRedis

CALL_S = 4.0  # four budgets; without them a Redis that hangs would hold a call for its seven seconds


@pytest.fixture(scope="module")
def redis_of_ours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedRedis]:
    with EmbeddedRedis(tmp_path_factory.mktemp("troubled") / "redis", appendfsync="no") as server:
        yield server


@pytest.fixture(scope="module")
def proxy(redis_of_ours: EmbeddedRedis) -> Iterator[Proxy]:
    with Proxy(redis_of_ours.port) as made:
        yield made


@pytest.fixture(scope="module")
def working(redis_of_ours: EmbeddedRedis, proxy: Proxy, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """Under load through the proxy. At its end nothing may be missing."""
    url = f"redis://127.0.0.1:{proxy.port}/0"
    with scene(redis_of_ours, tmp_path_factory.mktemp("forwarder"), url) as made:
        yield made


@pytest.fixture
def shop_is_told_soon(working: Scene) -> Iterator[None]:
    """Every call of the shop came back in bounded time, with an answer or with an `EnqueueFailed`."""
    working.shop.slowest = 0.0
    working.shop.failures.clear()
    yield
    assert working.shop.slowest < CALL_S


@pytest.mark.parametrize(("trouble", "seconds"), [("stopped", 0.5), ("killed", 7), ("hung", 7)])
@pytest.mark.usefixtures("shop_is_told_soon")
def test_delivery_resumes_within_seconds_of_redis_s_return(working: Scene, trouble: str, seconds: float) -> None:
    """By the same worker, through Celery's own consumer: no task outlives the absence of seven seconds."""
    TROUBLES[trouble](working.redis, seconds)
    assert working.shop.failures
    assert working.resumed() < BOUND_S


@pytest.mark.usefixtures("shop_is_told_soon")
def test_at_its_bound_the_buffer_refuses_producers_and_is_emptied_by_the_workers(working: Scene) -> None:
    """Below Redis's own bound: the broker in the same Redis goes on, and so do dispatch and `health`."""
    sandbox, cli = working.forwarder.sandbox, working.forwarder.cli
    sandbox.faults({"status": 503})
    before = len(times_accepted(sandbox))
    waiting = _waiting(working, before)
    with Redis(port=working.redis.port) as redis:
        redis.config_set("maxmemory", round(redis.info("memory")["used_memory"] / 0.85))
        try:
            eventually(lambda: any("of the maxmemory of Redis" in failure for failure in working.shop.failures))
            sandbox.faults()
            cli.run("resume", "event-api")
            ledger = cli.drain(30)
            assert ledger["accepted"] >= waiting
            assert cli.run("health").status == 0
        finally:
            redis.config_set("maxmemory", 0)
    assert working.resumed() < BOUND_S


@pytest.mark.usefixtures("shop_is_told_soon")
def test_a_redis_that_strangers_filled_refuses_producers_and_delivery_resumes_once_there_is_room(
    working: Scene,
) -> None:
    """Settling goes on meanwhile: what is in flight leaves."""
    with Redis(port=working.redis.port) as redis:
        redis.config_set("maxmemory", 1)
        try:
            eventually(lambda: "Redis is out of memory" in working.shop.failures)
            eventually(lambda: working.forwarder.cli.done("status", "--json").json["event-api"]["in_flight"] == 0)
        finally:
            redis.config_set("maxmemory", 0)
    assert working.resumed() < BOUND_S


@pytest.mark.usefixtures("shop_is_told_soon")
def test_connections_that_are_cut_again_and_again_only_delay(working: Scene, proxy: Proxy) -> None:
    pause = threading.Event()
    for _ in range(12):
        pause.wait(0.25)
        assert proxy.cut() > 0
    assert working.resumed() < BOUND_S


def test_a_script_cache_that_is_flushed_is_not_even_noticed(working: Scene) -> None:
    working.shop.failures.clear()
    with Redis(port=working.redis.port) as redis:
        redis.script_flush()
    assert working.resumed() < BOUND_S
    assert not working.shop.failures


def _waiting(working: Scene, before: int) -> int:
    """Accepted so far, once some hundred of them wait."""
    return int(eventually(lambda: len(working.shop.accepted) if len(working.shop.accepted) > before + 300 else 0))
