"""The real parts of a storm: a Redis that keeps every write, the sandbox, Celery workers, and how each is killed."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from redis import Redis

from tests.chaos.in_flight import in_flight
from tests.chaos.plan import HTTP_TIMEOUT_S, LEASE_S, Plan
from tests.chaos.stopped import Kill, Stopped
from tests.integration.support import eventually, processes_under
from tests.support.sandbox import Sandbox
from worker.connection.client import sync_redis
from worker.stack import parts
from worker.stack.child import Child
from worker.stack.redis_server import EmbeddedRedis

PREFIX = "storm"
NO_POOL = "Could not start worker processes"
SETTINGS = {
    "FORWARDER_KEY_PREFIX": PREFIX,
    "FORWARDER_LEASE_S": f"{LEASE_S:g}",
    "FORWARDER_HTTP_TIMEOUT_S": f"{HTTP_TIMEOUT_S:g}",
    "FORWARDER_LINGER_MS": "200",
    "FORWARDER_RETRY_FIRST_S": "0.3",
    "FORWARDER_RETRY_LONGEST_S": "1",
    "FORWARDER_MAX_ATTEMPTS": "10000",  # nothing may die of the storm itself
    "FORWARDER_AUDIENCE_REQUESTS_A_SECOND": "20",  # halving poisoned lists takes more requests than the document allows
}


class Stage:
    """All programs of a storm. `died`: what ended without having been killed, in words.

    `gave_up`: workers that ended because a process of their pool was killed before the pool was up; Celery does so, and
    whoever supervises it starts it again.
    """

    def __init__(self, plan: Plan, folder: Path, redis_server: EmbeddedRedis, sandbox: Sandbox) -> None:
        self._plan, self._folder, self._server, self.sandbox = plan, folder, redis_server, sandbox
        self.environ = parts.clean(
            os.environ, **SETTINGS, FORWARDER_REDIS_URL=redis_server.url, FORWARDER_SANDBOX_URL=sandbox.url
        )
        self.redis: Redis = sync_redis(redis_server.url)
        self.died: list[str] = []
        self.gave_up = 0
        self.stopped = Stopped()
        self._workers = [self._worker(place) for place in range(plan.workers)]

    def ready(self) -> None:
        """Returns once every worker looks for work."""
        with ThreadPoolExecutor(len(self._workers)) as threads:
            list(threads.map(lambda each: parts.wait_for_worker(self.redis, PREFIX, each), self._workers))

    def kill_worker(self, place: int) -> list[Kill]:
        """A worker with all its processes; it is started again at once."""
        began, held = self._killed(place)
        self._workers[place] = self._worker(place)
        return [Kill("worker", began, began, held)]

    def kill_child(self, which: int) -> list[Kill]:
        """One process of a worker's pool, if it has one just now. Celery starts another by itself."""
        pools = [pool for worker in self._workers if (pool := self._pool(worker))]
        if not pools:
            return []
        pool = pools[which % len(pools)]
        child = pool[which // len(self._workers) % len(pool)]
        try:
            os.kill(child, signal.SIGSTOP)
            began, held = time.monotonic(), self._held()
            os.kill(child, signal.SIGKILL)
        except ProcessLookupError:
            return []
        return [Kill("child", began, began, held)]

    def stop_worker(self, place: int) -> None:
        """It stands still, with all its processes, until `stopped.go_on`; killed meanwhile, it dies."""
        if self._workers[place].running:
            self.stopped.stop(self._workers[place], self._held)

    def kill_redis(self, down_s: float, also_worker: int | None = None) -> list[Kill]:
        """Redis; it comes back with the same data. A worker may be killed while it is away."""
        began, held = time.monotonic(), self._held()
        self._server.kill()
        if also_worker is not None:
            self._workers[also_worker].kill()
        time.sleep(down_s)
        self._server.restart()
        held |= self._held()
        kills = [Kill("redis", began, time.monotonic(), held)]
        if also_worker is not None:
            self._workers[also_worker] = self._worker(also_worker)
            kills.append(kills[0]._replace(kind="worker"))
        return kills

    def raise_the_dead(self) -> None:
        """Starts workers again that ended by themselves."""
        for place, worker in enumerate(self._workers):
            if not worker.running:
                ending = worker.ending()
                self.gave_up += NO_POOL in ending
                self.died += [] if NO_POOL in ending else [ending]
                self._workers[place] = self._worker(place)

    def close(self) -> None:
        for worker in self._workers:
            worker.kill()
        self.redis.close()

    def _killed(self, place: int) -> tuple[float, frozenset[str]]:
        """Stopped first: what is in flight then is all that it can have sent and not settled."""
        worker = eventually(lambda: self._stopped_one(place))
        began, held = time.monotonic(), self._held()
        worker.kill()
        return began, held

    def _stopped_one(self, place: int) -> Child | None:
        """Nobody if it ended by itself just now, or was started just now and has no group of its own yet."""
        self.raise_the_dead()
        worker = self._workers[place]
        try:
            os.killpg(worker.pid, signal.SIGSTOP)
        except ProcessLookupError:
            return None
        return worker

    def _pool(self, worker: Child) -> list[int]:
        return sorted(processes_under(worker.pid) - {worker.pid}) if worker.running else []

    def _held(self) -> frozenset[str]:
        return in_flight(self.redis, PREFIX)

    def _worker(self, place: int) -> Child:
        options = ("-c", str(self._plan.concurrency))
        return parts.worker(self.environ, self._folder, options, name=f"worker{place}").start()


@contextmanager
def staged(plan: Plan, folder: Path) -> Iterator[Stage]:
    """Everything started; ended at the end, however that comes."""
    with EmbeddedRedis(folder / "redis", appendfsync="always") as server:
        rokt = parts.sandbox(parts.clean(os.environ), folder).start()
        try:
            with Sandbox(parts.sandbox_url(rokt)) as sandbox:
                stage = Stage(plan, folder, server, sandbox)
                try:
                    stage.ready()
                    yield stage
                finally:
                    stage.close()
        finally:
            rokt.stop()
