"""Takes single events out of the batches of one slot: what is read, and the scripts that change it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from hashlib import sha1
from itertools import groupby
from typing import Any, NamedTuple

from redis.asyncio import Redis

from producers.append import epoch
from producers.keys import Slot
from producers.stored_event import payload_of
from worker.buffer.calls import Call, run_one

SLICE = 500  # events read in one command
IN_FLIGHT = "in_flight"
Theirs = Callable[[bytes], bool]
"""Whether a stored event is one of those to be taken out."""


class Owner(NamedTuple):
    """A batch as it was when it was read: the places `first` to `last` of the list `source`. `token`: of its lease."""

    id: str
    source: str
    state: str
    token: str
    first: int
    last: int

    @classmethod
    def of(cls, batch_id: str, fields: Sequence[bytes | None]) -> Owner | None:
        """From `FIELDS` of its hash; None if it is gone."""
        source, state, token, first, last, events = (None if each is None else each.decode() for each in fields)
        if events is None:
            return None
        end = int(last) if last is not None else int(events) - 1
        return cls(batch_id, source or batch_id, state or "open", token or "", int(first or 0), end)


FIELDS = ("list", "state", "token", "first", "last", "events")


class Run(NamedTuple):
    """Neighbours in a list that are to be taken out. `kept`: bytes of what stays between it and the run before."""

    kept: int
    first: int
    last: int
    size: int
    digest: str

    @property
    def events(self) -> int:
        return self.last - self.first + 1


class Erasing:
    """In one slot. `records_ms`: how long records are kept. `now` (ms) stands in for Redis's clock in tests."""

    def __init__(self, redis: Redis, slot: Slot, now: int | None = None, records_ms: int = 0) -> None:
        self._records_ms = records_ms
        self.slot = slot
        self._now = "" if now is None else now
        self._redis: Any = redis

    async def owners(self, ids: Iterable[str]) -> list[Owner]:
        """The batches that are still there."""
        ids = list(ids)
        pipeline = self._redis.pipeline(transaction=False)
        for batch_id in ids:
            pipeline.hmget(self.slot.key("batch", batch_id), *FIELDS)
        found = (Owner.of(*pair) for pair in zip(ids, await pipeline.execute(), strict=True))
        return [owner for owner in found if owner is not None]

    async def runs(self, source: str, first: int, last: int, theirs: Theirs) -> list[Run]:
        """Those of theirs among these places. What is blanked is nobody's."""
        runs, kept = [], 0
        async for is_theirs, run in self._runs(source, first, last, theirs):
            if is_theirs:
                runs.append(run._replace(kept=kept))
            kept = 0 if is_theirs else kept + run.size
        return runs

    async def erase(self, owner: Owner, runs: Sequence[Run], prints: bytes = b"") -> int:
        """Takes them out of a batch. Gives how many; 0 if it is in flight, or not as it was read.

        `prints`: of all its events, 8 bytes each, for its record; zeros for those that are taken out.
        """
        told = [each for run in runs for each in run]
        kept = self._records_ms, prints
        return await self._run("erase", self._now, epoch(), owner.id, owner.source, *kept, *told)

    async def blank(self, source: str, owners: Sequence[Owner], runs: Sequence[Run]) -> int:
        """Blanks what no batch holds. Gives how many; 0 if others share the list than these owners."""
        told = [each for run in runs for each in (run.first, run.last, run.digest)]
        return await self._run("blank", source, len(owners), *(owner.id for owner in owners), *told)

    async def _runs(self, source: str, first: int, last: int, theirs: Theirs) -> AsyncIterator[tuple[bool, Run]]:
        """Neighbours that are all theirs, or none of them; those of two slices are told apart."""
        for start in range(first, last + 1, SLICE):
            stop = min(start + SLICE - 1, last)
            events = await self._redis.lrange(self.slot.key("events", source), start, stop)
            place = start
            for is_theirs, group in groupby(events, theirs):
                stored = list(group)
                end = place + len(stored) - 1
                yield is_theirs, Run(0, place, end, _size(stored), _digest(stored) if is_theirs else "")
                place = end + 1

    async def _run(self, script: str, *args: Any) -> int:
        return int(await run_one(self._redis, Call(script, self.slot.fixed, list(args))))


def _size(stored: Sequence[bytes]) -> int:
    """Bytes in a request. What is blanked is in none."""
    return sum(len(payload_of(each)) + 1 for each in stored if each)


def _digest(stored: Sequence[bytes]) -> str:
    return sha1(b"".join(stored), usedforsecurity=False).hexdigest()
