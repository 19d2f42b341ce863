"""How the accounts stand: those that are held, those with events waiting, and one by its name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from redis.asyncio import Redis

from producers.destinations import DESTINATIONS
from producers.keys import Slot, shard_of
from producers.settings import BufferSettings
from worker.buffer.holds import HOLD_FIELDS, Hold, holds_in

SHOWN = 100  # of a slot


class Account(NamedTuple):
    """An account of a destination, as it stood at `now` (ms).

    `waiting`: events that are not in flight; `requests`: those that are.
    """

    destination: str
    name: str
    waiting: int
    requests: int
    dead: int
    careful: bool
    holds: tuple[Hold, ...]
    now: int


class Listed(NamedTuple):
    """Some accounts, and how many there are in all."""

    accounts: list[Account]
    total: int


class Accounts:
    """Of one buffer. `of` a destination, or of all."""

    def __init__(self, redis: Redis, buffer: BufferSettings) -> None:
        self._redis: Any = redis
        self._buffer = buffer

    async def held(self, destination: str | None = None) -> Listed:
        """What lasts longest comes first."""
        return await self._listed("held", destination, longest_first=True)

    async def waiting(self, destination: str | None = None) -> Listed:
        """Those of which something may be claimed now or later, in that order."""
        return await self._listed("accounts", destination, longest_first=False)

    async def named(self, name: str, destination: str | None = None) -> list[Account]:
        """This account of every destination; one that was never seen has nothing."""
        names = [destination] if destination else list(DESTINATIONS)
        shard = shard_of(name, self._buffer.shards)
        return [(await self._read(Slot(self._buffer.key_prefix, each, shard), [name]))[0] for each in names]

    async def _listed(self, kind: str, destination: str | None, longest_first: bool) -> Listed:
        found: list[Account] = []
        total = 0
        for slot in self._slots(destination):
            total += await self._redis.zcard(slot.key(kind))
            names = await self._redis.zrange(slot.key(kind), 0, SHOWN - 1, desc=longest_first)
            found += await self._read(slot, [name.decode("utf-8", "replace") for name in names])
        return Listed(found, total)

    def _slots(self, destination: str | None) -> list[Slot]:
        names = [destination] if destination else list(DESTINATIONS)
        return [Slot(self._buffer.key_prefix, name, shard) for name in names for shard in range(self._buffer.shards)]

    async def _read(self, slot: Slot, names: Sequence[str]) -> list[Account]:
        pipeline = self._redis.pipeline(transaction=False)
        pipeline.time()
        for name in names:
            pipeline.hmget(slot.key("account", name), *_FIELDS)
            pipeline.zcard(slot.key("leases", name))
        (seconds, micros), *answers = await pipeline.execute()
        now = seconds * 1000 + micros // 1000
        pairs = zip(names, answers[::2], answers[1::2], strict=True)
        return [_account(slot.destination, name, fields, requests, now) for name, fields, requests in pairs]


_FIELDS = ("queued", "dead", "careful", *HOLD_FIELDS)


def _account(destination: str, name: str, fields: Sequence[bytes | None], requests: int, now: int) -> Account:
    queued, dead, careful, *holding = fields
    holds = tuple(holds_in(holding, now))
    return Account(destination, name, int(queued or 0), requests, int(dead or 0), careful is not None, holds, now)
