"""The round trips between a delivery and its buffer: what ended is settled and what is next is claimed in one."""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections.abc import Callable
from typing import NamedTuple

import structlog
from redis.exceptions import RedisError

from worker.buffer.batches import Batch, Claimed, Limits, Settled, Settlement
from worker.buffer.buffer import Buffer
from worker.delivery.timing import Timing

log = structlog.get_logger("forwarder.exchange")
TRY_AGAIN_S = 0.25


class Taken(NamedTuple):
    """A claimed batch with its stored events, and when it was claimed (monotonic seconds, rather too early).

    `read`: bytes of all batches that were read in the same turn.
    """

    batch: Batch
    stored: list[bytes]
    claimed_at: float
    read: int = 0


class Exchange:
    """Keeps what ended until Redis has confirmed it, for as long as its lease can last."""

    def __init__(self, buffer: Buffer, lease_s: float, on_settled: Callable[[Settled], object]) -> None:
        self._buffer = buffer
        self._on_settled = on_settled
        self._lease_s = lease_s
        self._ended: list[tuple[Batch, Settlement]] = []
        self._leases: dict[str, float] = {}
        self._next_due = math.inf
        self._timing = Timing()

    @property
    def unsettled(self) -> bool:
        return bool(self._ended)

    def due_in(self) -> float:
        """Seconds until more may be claimed, by the last claim's word; below 0 if something is due, infinite if not."""
        return self._next_due - time.monotonic()

    def ended(self, batch: Batch, settlement: Settlement) -> None:
        """An attempt's end, to be settled with the next turn."""
        self._ended.append((batch, settlement))

    async def turn(self, limits: Limits, *, patient: bool) -> list[Taken]:
        """Settles and claims. Without Redis it tries again as long as there is something to settle.

        `patient`: requests are under way, so that there will be; nothing is raised then, and nothing taken.
        """
        while True:
            started = time.monotonic()
            try:
                return await self._turn(limits, started)
            except (RedisError, OSError) as error:
                self._forget_lapsed()
                if not self._ended and not patient:
                    raise
                log.warning("redis_is_away", error=type(error).__name__, unsettled=len(self._ended))
                if not self._ended:
                    return []
                await asyncio.sleep(TRY_AGAIN_S)

    async def tell_times(self) -> None:
        """Brings to Redis how long it took. What cannot be told is lost: no event depends on it."""
        with contextlib.suppress(RedisError, OSError):
            await self._buffer.add_up(self._timing.taken())

    async def _turn(self, limits: Limits, claimed_at: float) -> list[Taken]:
        if not self._ended and limits.most == 0:
            return []
        ended = list(self._ended)
        with self._timing.of("claim"):
            settled, claimed = await self._buffer.settle_and_claim(ended, limits)
        del self._ended[: len(ended)]
        for (batch, _), result in zip(ended, settled, strict=True):
            self._leases.pop(batch.id, None)
            self._report(batch, result)
        self._next_due = math.inf if claimed.next_due is None else claimed_at + (claimed.next_due - claimed.now) / 1000
        self._leases |= {batch.id: claimed_at + self._lease_s for batch in claimed.batches}
        return await self._read(claimed, claimed_at)

    async def _read(self, claimed: Claimed, claimed_at: float) -> list[Taken]:
        """The claimed batches with their events: fewer if our lease lapsed and the batch was settled meanwhile."""
        if not claimed.batches:
            return []
        with self._timing.of("read"):
            stored = await self._buffer.read(claimed.batches)
        for batch, events in zip(claimed.batches, stored, strict=True):
            if len(events) != batch.events:
                log.error("batch_incomplete", batch=batch.id, expected=batch.events, found=len(events))
        read = sum(batch.size for batch in claimed.batches)
        return [Taken(*each, claimed_at, read) for each in zip(claimed.batches, stored, strict=True)]

    def _forget_lapsed(self) -> None:
        """What cannot be settled any more: another worker has the batch, or soon will."""
        now = time.monotonic()
        self._ended = [(batch, end) for batch, end in self._ended if self._leases.get(batch.id, now) > now]

    def _report(self, batch: Batch, result: Settled | Exception) -> None:
        if isinstance(result, Exception):
            log.error("settle_refused", batch=batch.id, account=batch.account, error=str(result)[:200])
            return
        if result is not Settled.DONE:  # as nearly all are: looking at each flag would cost more than the rest
            for flag, event in _TOLD.items():
                if flag & result:
                    log.warning(event, batch=batch.id, account=batch.account)
            if result is Settled.STALE:
                log.warning("settle_too_late", batch=batch.id, account=batch.account)
        self._on_settled(result)


_TOLD = {
    Settled.PUT_BACK: "put_back",  # the account is under suspicion: nothing more of it is buried
    Settled.CIRCUIT_OPENED: "circuit_opened",
    Settled.ACCOUNT_PARKED: "account_parked",
}
