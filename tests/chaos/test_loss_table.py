"""The table of the README: what is lost, by `appendfsync`, when a worker, Redis or the machine comes to an end.

"The machine is lost" means that what no fsync had completed is gone. No test can take a machine's memory away, so that
cell goes by the server's own word: `WAITAOF` says what it has synced, and whatever is in the file beyond is cut off.
What the disk itself holds back in spite of an fsync is not reached here; nor is a busy disk, on which `everysec` puts
off its writes: there the table's bound is Redis's own, two seconds.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import pytest
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from producers import Producer
from producers.destinations.event_api import event_id
from producers.keys import Slot
from producers.settings import BufferSettings
from producers.stored_event import payload_of
from tests.apis.garbage import Garbage
from tests.buffer.invariants import check
from tests.buffer.picture import take_picture
from tests.integration.support import environment, sample
from worker.connection.client import async_redis, with_redis
from worker.operating.status import left, status
from worker.stack.redis_server import EmbeddedRedis

Fsync = Literal["always", "everysec"]
each_fsync = pytest.mark.parametrize("fsync", ["always", "everysec"])
LOSES_AT_MOST_S = {"always": 0.0, "everysec": 2.0}


class Shop:
    """Enqueues one event after another, and knows when each was confirmed."""

    def __init__(self, url: str, prefix: str) -> None:
        self.producer = Producer.from_env(environment(url, FORWARDER_KEY_PREFIX=prefix, FORWARDER_LINGER_MS="0"))
        self.confirmed: dict[str, float] = {}

    def sell(self, events: int) -> set[str]:
        """So many more; gives their ids."""
        sold: set[str] = set()
        for _ in range(events):
            line = sample("12345", len(self.confirmed))
            sold.add(self.producer.enqueue("event-api", account="12345", event=line["event"]))
            self.confirmed |= dict.fromkeys(sold - self.confirmed.keys(), time.monotonic())
        return sold


async def kept(url: str, prefix: str) -> set[str]:
    """The ids of all events in the buffer, whose books must be right."""
    redis = async_redis(url)
    picture = await take_picture(redis, Slot(prefix, "event-api", 0))
    await redis.aclose()
    check(picture, int(time.time() * 1000))
    return {event_id(payload_of(one)) for batch in picture.batches.values() for one in batch.stored}


async def waiting(url: str, prefix: str) -> int:
    """How many events are not settled, by the ledger: read at one instant, while a worker goes on."""
    counts = await with_redis(url, lambda redis: status(redis, BufferSettings(key_prefix=prefix)))
    return left(counts["event-api"])


@contextmanager
def replica_of(primary: EmbeddedRedis, folder: Path) -> Iterator[EmbeddedRedis]:
    options = {"replicaof": f"127.0.0.1 {primary.port}", "repl-diskless-sync-delay": "0"}
    with EmbeddedRedis(folder, options=options) as server:
        yield server


async def linked(redis: Any) -> None:
    """Once a replica has all that its primary had."""
    while (await redis.info("replication")).get("master_link_status") != "up":
        await asyncio.sleep(0.02)


@each_fsync
async def test_redis_killed_right_after_it_confirmed(tmp_path: Path, prefix: str, fsync: Fsync) -> None:
    """Of its process alone: what it wrote is the kernel's, synced or not. On a busy disk it may not have written."""
    with EmbeddedRedis(tmp_path / "redis", appendfsync=fsync) as server:
        shop = Shop(server.url, prefix)
        for events in (150, 100, 50):
            shop.sell(events)
            server.kill()
            killed = time.monotonic()
            server.restart()
            lost = shop.confirmed.keys() - await kept(server.url, prefix)
            late = {one for one, at in shop.confirmed.items() if at > killed - LOSES_AT_MOST_S[fsync]}
            assert lost <= late
            shop.confirmed = {one: at for one, at in shop.confirmed.items() if one not in lost}


async def synced(url: str, within_ms: int) -> bool:
    """Whether the server says so of all that it took, within that time. Only a connection that writes is told."""
    redis: Any = Redis.from_url(url, single_connection_client=True)
    await redis.set("the last write", "1")
    try:
        told = await redis.execute_command("WAITAOF", 1, 0, within_ms)
    except ResponseError:
        pytest.skip("this server does not tell what it has synced")
    finally:
        await redis.aclose()
    return bool(told[0])


@each_fsync
async def test_the_machine_is_lost(tmp_path: Path, prefix: str, fsync: Fsync) -> None:
    """With `always` what is confirmed is synced; with `everysec` it is so within two seconds. The rest is cut off."""
    with EmbeddedRedis(tmp_path / "redis", appendfsync=fsync) as server:
        shop = Shop(server.url, prefix)
        safe = shop.sell(100)
        assert await synced(server.url, 50 if fsync == "always" else 3_000)
        (log,) = (tmp_path / "redis" / "appendonlydir").glob("*.incr.aof")
        length = log.stat().st_size
        shop.sell(50)
        if fsync == "always":
            assert await synced(server.url, 50)
            safe, length = set(shop.confirmed), log.stat().st_size
        server.kill()
        assert log.stat().st_size >= length
        os.truncate(log, length)
        server.restart()
        assert await kept(server.url, prefix) == safe
        assert len(safe) == (150 if fsync == "always" else 100)


async def test_a_replica_that_is_promoted_lacks_only_what_had_not_reached_it(tmp_path: Path, prefix: str) -> None:
    """Whether the primary's process or its machine is lost; `WAIT` tells what has reached it."""
    with EmbeddedRedis(tmp_path / "one") as primary, replica_of(primary, tmp_path / "two") as second:
        shop, replica = Shop(primary.url, prefix), async_redis(second.url)
        ask: Any = replica.execute_command
        await linked(replica)
        safe = shop.sell(100)
        redis: Any = Redis.from_url(primary.url, single_connection_client=True)
        await redis.set("the last write", "1")
        assert await redis.execute_command("WAIT", 1, 5_000) == 1
        await redis.aclose()
        await ask("REPLICAOF", "127.0.0.1", "1")  # the link breaks
        shop.sell(50)
        primary.kill()
        await ask("REPLICAOF", "NO", "ONE")
        assert await kept(second.url, prefix) == safe
        shop = Shop(second.url, prefix)
        shop.sell(1)  # and it goes on there
        await replica.aclose()


async def started(redis_url: str, prefix: str, host: str) -> asyncio.subprocess.Process:
    argv = ("-m", "tests.chaos.a_worker", redis_url, prefix, host)
    return await asyncio.create_subprocess_exec(sys.executable, *argv, stdout=asyncio.subprocess.DEVNULL)


async def until(server: Garbage, events: int) -> None:
    async with asyncio.timeout(30):
        while len({str(one) for one in server.taken}) < events:
            await asyncio.sleep(0.01)


@pytest.fixture(params=["always", "everysec", "replica"])
async def redis_url(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[str]:
    """A server that syncs so, or one with a replica."""
    fsync: Fsync = "always" if request.param == "always" else "everysec"
    with EmbeddedRedis(tmp_path / "redis", appendfsync=fsync) as server:
        if request.param != "replica":
            yield server.url
            return
        with replica_of(server, tmp_path / "replica"):
            yield server.url


async def test_a_worker_that_is_killed_loses_nothing(redis_url: str, prefix: str) -> None:
    """In the middle, with requests under way; another takes over once the leases are over."""
    async with Garbage("event-api").serving() as rokt:
        shop = Shop(redis_url, prefix)
        shop.sell(300)
        rokt.pause_s = 0.2
        first = await started(redis_url, prefix, rokt.url)
        await until(rokt, 100)
        first.send_signal(signal.SIGKILL)
        await first.wait()
        shop.sell(50)
        assert await kept(redis_url, prefix)
        second = await started(redis_url, prefix, rokt.url)
        try:
            await until(rokt, 350)
            async with asyncio.timeout(20):
                while await waiting(redis_url, prefix):
                    await asyncio.sleep(0.05)
        finally:
            second.kill()
            await second.wait()
        assert not await kept(redis_url, prefix)
        assert {one["clientEventId"] for one in rokt.taken} == set(shop.confirmed)
