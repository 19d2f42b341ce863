"""The worker's side of the buffer: claims, reads and settles batches of one slot. Each change is one script."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from producers.append import epoch
from producers.keys import Slot
from worker.buffer.batches import Batch, Bounds, Claimed, Limits, Settled, Settlement, Verdict
from worker.buffer.calls import Call, fetch, run, run_one
from worker.buffer.settlements import SHORT, settle_args
from worker.effects import effect

MOST_AT_ONCE, MOST_ARGS, MOST_BYTES = 64, 2_000, 2_000_000  # of a call; what one settlement needs is never cut
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
        ((call, _),) = self._settle_calls([(batch, settlement)])
        (answer,) = await run_one(self._redis, call)
        outcome = _settled(answer)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async def settle_and_claim(
        self, ended: Sequence[tuple[Batch, Settlement]], limits: Limits
    ) -> tuple[list[Settled | Exception], Claimed]:
        """Settles what ended and claims what is next, in one round trip. A `most` of 0 claims nothing.

        A settlement that Redis refused does not spoil the others: its error stands in its place.
        """
        token = secrets.token_hex(6)
        slices = list(self._settle_calls(ended))
        claim = self._call("claim", token, *map(int, limits))
        *answers, answer = await run(self._redis, [*(call for call, _ in slices), claim])
        if isinstance(answer, Exception):
            raise answer
        outcomes: list[Settled | Exception] = []
        for (_, count), told in zip(slices, answers, strict=True):
            outcomes += [told] * count if isinstance(told, Exception) else map(_settled, told)
        next_due, now, *rows = answer
        batches = [Batch.of(row, token) for row in rows]
        return outcomes, Claimed(batches, None if next_due < 0 else next_due, now)

    async def read(self, batches: Sequence[Batch]) -> list[list[bytes]]:
        """The stored events of each batch, in order."""
        base = self.slot.key("events")
        commands: list[tuple[str, str, int, int]] = []
        for batch in batches:
            key = f"{base}:{batch.source}"
            starts = range(batch.first, batch.last + 1, SLICE)
            commands += [("LRANGE", key, start, min(start + SLICE - 1, batch.last)) for start in starts]
        slices = iter(await fetch(self._redis, commands))
        counts = [-(-batch.events // SLICE) for batch in batches]
        return [
            next(slices) if count == 1 else [each for _ in range(count) for each in next(slices)] for count in counts
        ]

    async def add_up(self, counts: Mapping[str, int]) -> None:
        """Adds to counters of the slot what a process measured by itself."""
        pipeline = self._redis.pipeline(transaction=False)
        for field, count in counts.items():
            pipeline.hincrby(self.slot.key("stats"), field, count)
        with effect("add up"):
            await pipeline.execute()

    def _settle_calls(self, ended: Sequence[tuple[Batch, Settlement]]) -> Iterator[tuple[Call, int]]:
        """Calls of so many settlements each that none keeps Redis for long."""
        head = (epoch(), *self._bounds)
        args: list[Any] = []
        also: dict[str, None] = {}
        count = size = 0
        for batch, settlement in ended:
            told = settle_args(batch, settlement)
            if count and (count == MOST_AT_ONCE or len(args) + len(told) > MOST_ARGS or size > MOST_BYTES):
                yield self._call("settle", *head, *args)._replace(also=tuple(also)), count
                args, also, count, size = [], {}, 0, 0
            args += told
            count += 1
            if len(told) > SHORT:
                also |= dict.fromkeys(_effects_of(batch, settlement))
                size += sum(len(death.stored) for death in settlement.dead)
        if count:
            yield self._call("settle", *head, *args)._replace(also=tuple(also)), count

    def _call(self, script: str, *args: Any) -> Call:
        return Call(script, self.slot.fixed, ["" if self.now is None else self.now, *args])


def _settled(answer: int | bytes) -> Settled | Exception:
    if answer == 1:
        return Settled.DONE  # nearly all: making a flag of a number takes longer
    return Settled(answer) if isinstance(answer, int) else ResponseError(answer.decode())


def _effects_of(batch: Batch, settlement: Settlement) -> Iterator[str]:
    """What a settlement does beyond ending an attempt."""
    if settlement.dead:
        yield "dead letter"
    if any((part.first, part.last) != (batch.first, batch.last) for part in settlement.again):
        yield "split"
    elif settlement.again:
        held = {Verdict.LIMITED: "limit", Verdict.PARKED: "park"}
        yield held.get(settlement.verdict) or ("give back" if settlement.refund else "retry")
