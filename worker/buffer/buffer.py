"""The worker's side of the buffer: claims, reads and settles batches of one slot. Each change is one script."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from redis.asyncio import Redis

from producers.append import epoch
from producers.keys import Slot
from worker.buffer.batches import Batch, Bounds, Claimed, Limits, Noted, Settled, Settlement, Verdict
from worker.buffer.calls import Call, run, run_one
from worker.buffer.tallies import request_field
from worker.effects import effect

_MODES = {(False, False): "", (True, False): "refund", (True, True): "renew", (False, True): "renew"}
SLICE = 5_000  # events read in one command: more would keep Redis from others for too long


class Buffer:
    """One slot in Redis. `now` (ms) stands in for Redis's clock in tests."""

    def __init__(self, redis: Redis, slot: Slot, bounds: Bounds | None = None, now: int | None = None) -> None:
        self.slot = slot
        self.now = now
        self._bounds = bounds or Bounds()
        self._redis = redis

    async def claim(self, limits: Limits) -> Claimed:
        """Batches that are due, each account in turn, within the limits."""
        return (await self.settle_and_claim([], limits))[1]

    async def settle(self, batch: Batch, settlement: Settlement) -> Settled:
        """Ends one attempt."""
        return Settled(await run_one(self._redis, self._settle_call(batch, settlement)))

    async def settle_and_claim(
        self, ended: Sequence[tuple[Batch, Settlement]], limits: Limits
    ) -> tuple[list[Settled | Exception], Claimed]:
        """Settles what ended and claims what is next, in one round trip. A `most` of 0 claims nothing.

        A settlement that Redis refused does not spoil the others: its error stands in its place.
        """
        token = secrets.token_hex(6)
        calls = [self._settle_call(batch, settlement) for batch, settlement in ended]
        calls.append(self._call("claim", token, *map(int, limits)))
        *settled, answer = await run(self._redis, calls)
        if isinstance(answer, Exception):
            raise answer
        next_due, now, *rows = answer
        batches = [Batch.of(row, token) for row in rows]
        outcomes = [one if isinstance(one, Exception) else Settled(one) for one in settled]
        return outcomes, Claimed(batches, None if next_due < 0 else next_due, now)

    async def read(self, batches: Sequence[Batch]) -> list[list[bytes]]:
        """The stored events of each batch, in order."""
        pipeline = self._redis.pipeline(transaction=False)
        counts = []
        for batch in batches:
            starts = range(batch.first, batch.last + 1, SLICE)
            counts.append(len(starts))
            for start in starts:
                pipeline.lrange(self.slot.key("events", batch.source), start, min(start + SLICE - 1, batch.last))
        slices = iter(await pipeline.execute())
        return [[stored for _ in range(count) for stored in next(slices)] for count in counts]

    async def add_up(self, counts: Mapping[str, int]) -> None:
        """Adds to counters of the slot what a process measured by itself."""
        pipeline = self._redis.pipeline(transaction=False)
        for field, count in counts.items():
            pipeline.hincrby(self.slot.key("stats"), field, count)
        with effect("add up"):
            await pipeline.execute()

    def _settle_call(self, batch: Batch, settlement: Settlement) -> Call:
        dead, again = settlement.dead, settlement.again
        deaths = [item for death in dead for item in death]
        parts = [item for part in again for item in part]
        mode = _MODES[settlement.refund, settlement.renewed]
        told = (settlement.verdict.value, settlement.hold_ms, settlement.reason, settlement.credentials)
        reached = int(settlement.reached)
        counts = (settlement.delivered, len(dead), len(again))
        head = (batch.id, batch.token, epoch(), mode, *told, reached, *self._bounds, *counts, *_noted(settlement.noted))
        call = self._call("settle", *head, *deaths, *parts)
        return call._replace(also=tuple(_effects_of(batch, settlement)))

    def _call(self, script: str, *args: Any) -> Call:
        return Call(script, self.slot.fixed, ["" if self.now is None else self.now, *args])


def _noted(noted: Noted) -> tuple[bytes | str | int, ...]:
    asked = request_field(noted.status, noted.request_ms, noted.sent) if noted.status >= 0 else ""
    return noted.told, asked, noted.request_ms, noted.sent, noted.waited_ms, noted.prints


def _effects_of(batch: Batch, settlement: Settlement) -> Iterator[str]:
    """What a settlement does beyond ending an attempt."""
    if settlement.dead:
        yield "dead letter"
    if any((part.first, part.last) != (batch.first, batch.last) for part in settlement.again):
        yield "split"
    elif settlement.again:
        held = {Verdict.LIMITED: "limit", Verdict.PARKED: "park"}
        yield held.get(settlement.verdict) or ("give back" if settlement.refund else "retry")
