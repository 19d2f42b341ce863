"""What one worker process owns: an event loop, a connection pool to Redis, one HTTP client. Nothing before the fork."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Callable, Coroutine

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from producers.destinations import DESTINATIONS
from producers.keys import Slot
from worker.access.tokens import FleetTokens
from worker.buffer.buffer import Buffer
from worker.connection.client import async_redis
from worker.delivery.delivery import Delivery
from worker.delivery.sending import Target
from worker.delivery.summary import Summary
from worker.effects import effect
from worker.http import HttpTransport, Transport
from worker.lifecycle.dispatch_note import DispatchNote
from worker.lifecycle.stopping import SETTLE_S, STOPPING, Stopping
from worker.replay.asking import Asking
from worker.replay.runner import Runner
from worker.second_consent import consent_or_nobody
from worker.settings import Settings, open_credentials

log = structlog.get_logger("forwarder.process")
LOOK_S = 0.5
REPLAY_END_S = 2.0  # for the step of a replay that is under way


class Process:
    """Runs deliveries, one at a time, on its own loop."""

    def __init__(self, settings: Settings, stopping: Stopping = STOPPING) -> None:
        self._settings = settings
        self._stopping = stopping
        self._credentials = open_credentials(settings.worker)
        self._loop = asyncio.new_event_loop()
        self._redis: Redis = async_redis(settings.buffer.redis_url)
        most = max(each.in_flight for each in settings.delivery.values())
        self._transport: Transport = HttpTransport(most, settings.worker.http_transport)
        timeout_s = min(each.http_timeout_s for each in settings.delivery.values())
        prefix = settings.buffer.key_prefix
        consent = consent_or_nobody(settings.consent)
        self._asking = Asking(consent) if consent else None
        self._tokens = FleetTokens(self._redis, prefix, self._transport, settings.auth_host, timeout_s)

    def deliver(self, destination: str, shard: int) -> Summary:
        """One run over one slot, to its end; that of the worker ends it too."""
        return self._loop.run_until_complete(self._deliver(destination, shard))

    def close(self) -> None:
        self._loop.run_until_complete(self._transport.close())
        self._loop.run_until_complete(self._redis.aclose())
        self._loop.close()

    async def _deliver(self, destination: str, shard: int) -> Summary:
        slot = Slot(self._settings.buffer.key_prefix, destination, shard)
        if self._stopping.asked:
            await self._leave_to_others(slot)
            return Summary()
        target = Target(DESTINATIONS[destination], self._settings.hosts[destination], self._credentials, self._tokens)
        buffer = Buffer(self._redis, slot, self._settings.delivery[destination].bounds)
        async with DispatchNote(self._redis, slot) as note:
            of = self._settings.delivery[destination]
            delivery = Delivery(buffer, target, self._transport, of, stop=self._stopping)
            async with self._replaying(slot, delivery.wake) as runner:
                await self._bounded(delivery.run(on_last_claim=note.release, more=lambda: runner.busy))
            delivery.summary.replayed = runner.moved
            return delivery.summary

    @contextlib.asynccontextmanager
    async def _replaying(self, slot: Slot, on_moved: Callable[[], object]) -> AsyncIterator[Runner]:
        """Replays run beside the delivery, as long as it claims at most."""
        of, caps = self._settings.delivery[slot.destination], self._settings.caps[slot.destination]
        settings = (self._settings.buffer, slot, caps, of.replay_room, self._asking, self._stopping)
        runner = Runner(self._redis, *settings, on_moved=on_moved)
        running = asyncio.create_task(runner.run(of.task_slice_s))
        try:
            yield runner
        finally:
            runner.end()
            await ended(running)

    async def _leave_to_others(self, slot: Slot) -> None:
        """This task came too late: another worker's dispatcher need not wait until the note of it lapses."""
        with contextlib.suppress(RedisError, OSError), effect("drop note"):
            await self._redis.delete(slot.key("dispatched"))

    async def _bounded(self, run: Coroutine[object, object, object]) -> None:
        """To its end, or until it could not be settled for too long after the worker was asked to end."""
        task = asyncio.ensure_future(run)
        while not task.done():
            await asyncio.wait({task}, timeout=LOOK_S)
            if not task.done() and self._stopping.over_for(SETTLE_S):
                log.warning("left_to_the_leases")
                task.cancel()
                await asyncio.wait({task}, timeout=LOOK_S)
                return
        task.result()


async def ended(running: asyncio.Task[None]) -> None:
    """It ends by itself. A task must end too: what hangs is left, and changes nothing that is not meant."""
    done, _ = await asyncio.wait({running}, timeout=REPLAY_END_S)
    if not done:
        log.warning("replay_left")
        running.cancel()
        await asyncio.wait({running}, timeout=LOOK_S)


_own = threading.local()  # Celery's thread pools get a loop a thread


def open_process(settings: Settings) -> Process:
    """This process's (and thread's) own; made at the first call."""
    if not hasattr(_own, "process"):
        _own.process = Process(settings)
    process: Process = _own.process
    return process


def close_process() -> None:
    if hasattr(_own, "process"):
        _own.process.close()
        del _own.process
