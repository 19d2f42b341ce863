"""Pauses and resumes accounts and destinations, over all their shards: for the command line and the console."""

from __future__ import annotations

from collections.abc import Sequence

from redis.asyncio import Redis

from producers.keys import Slot, shard_of
from producers.settings import BufferSettings
from worker.buffer.holds import EVERYTHING, Holds


class Holding:
    """Of one buffer. An account of None: the whole destination."""

    def __init__(self, redis: Redis, buffer: BufferSettings) -> None:
        self._redis = redis
        self._buffer = buffer

    async def pause(self, destination: str, account: str | None, reason: str) -> None:
        """Nothing of it is sent until it is resumed."""
        for holds in self._of(destination, account):
            await holds.pause(EVERYTHING if account is None else account, reason)

    async def held(self, destination: str) -> list[str]:
        """Every account of it that is parked or paused."""
        return [held.account for holds in self._of(destination, None) async for held in holds.lasting()]

    async def resume(self, destination: str, account: str | None, accounts: Sequence[str] = ()) -> int:
        """Goes on with the account, or with the destination and these accounts of it. Gives how many were held.

        The pause of a destination counts as one.
        """
        slots = self._of(destination, account)
        if account is not None:
            return await slots[0].resume([account])
        ended = [await holds.resume([EVERYTHING]) for holds in slots]
        return sum([await holds.resume(accounts) for holds in slots]) + any(ended)

    def _of(self, destination: str, account: str | None) -> list[Holds]:
        """Of the slot of the account, or of all slots of the destination."""
        prefix, count = self._buffer.key_prefix, self._buffer.shards
        shards = range(count) if account is None else [shard_of(account, count)]
        return [Holds(self._redis, Slot(prefix, destination, shard)) for shard in shards]


def is_account(name: str) -> bool:
    """Whether an operator may name it: something, and nothing that cannot be printed."""
    return bool(name) and name.isprintable()
