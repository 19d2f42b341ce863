"""All replays of one buffer: preview, start, look at them, pause, resume, cancel."""

from __future__ import annotations

import json
from typing import Any, Literal

from redis.asyncio import Redis

from producers.clock import now_ms
from producers.destinations import DESTINATIONS
from producers.keys import Slot
from producers.settings import BufferSettings
from worker.buffer.calls import Call, run_one
from worker.dead_letters.filter import Filter
from worker.dead_letters.finding import Finder
from worker.replay.ending import tell_end
from worker.replay.preview import Preview, preview
from worker.replay.record import KEPT_MS, Progress, list_key, new_id, record_key

RATE = 1_000.0
Wanted = Literal["paused", "running", "cancelled"]


class Replays:
    """What operators do with replays. Letters of the intake are no part of them: they are enqueued anew."""

    def __init__(self, redis: Redis, buffer: BufferSettings, *, consent: bool = False, rate: float = RATE) -> None:
        """`consent`: no letter goes without the word of a callback. `rate`: letters a second unless told."""
        self._redis: Any = redis
        self._buffer = buffer
        self._finder = Finder(redis, buffer)
        self._consent = consent
        self._rate = rate

    async def preview(self, chosen: Filter, limit: int | None = None) -> Preview:
        """What a replay of these letters would do now."""
        return await preview(self._redis, self._finder, chosen, limit)

    async def start(
        self,
        chosen: Filter,
        *,
        by: str,
        why: str = "",
        limit: int | None = None,
        rate: float | None = None,
        seen: Preview | None = None,
        replay: str = "",
    ) -> str | None:
        """Begins a replay of the letters that are there now, at most `limit`. Gives its id; None if there are none.

        `seen`: what a preview of the same said. `replay`: the id that it is to have.
        """
        seen = seen or await self.preview(chosen, limit)
        shares = {slot: share for slot, share in seen.shares.items() if share and slot.destination in DESTINATIONS}
        if not shares:
            return None
        now = now_ms()
        replay = replay or new_id(now)
        await self._list(replay, now)
        for slot, share in shares.items():
            fields = {
                "by": by,
                "why": why,
                "filter": chosen._replace(ids=()).to_json(),
                "told": json.dumps(chosen.told(), ensure_ascii=False),
                "created": now,
                "rate": (rate or self._rate) / len(shares),
                "limit": share if limit is not None else 0,
                "chosen": share,
                "consent": int(self._consent),
            }
            told = [item for field in fields.items() for item in field]
            args = ["", replay, now, *told, "", *seen.places.get(slot, [])]
            await run_one(self._redis, Call("begin", slot.fixed, args))
        return replay

    async def all(self, limit: int = 100) -> list[Progress]:
        """Those that are not over, and those that were within a week; newest first."""
        ids = await self._redis.zrange(list_key(self._buffer.key_prefix), 0, limit - 1, desc=True)
        found = [await self.progress(each.decode()) for each in ids]
        return [each for each in found if each]

    async def progress(self, replay: str) -> Progress | None:
        """How far it has come; None if nothing is known of it (any more)."""
        pipeline = self._redis.pipeline(transaction=False)
        for slot in self._slots():
            pipeline.hgetall(record_key(slot, replay))
        parts = [(slot, fields) for slot, fields in zip(self._slots(), await pipeline.execute(), strict=True) if fields]
        return Progress.of(replay, parts) if parts else None

    async def slots_of(self, replay: str) -> list[Slot]:
        """Where it is not over."""
        slots = self._slots()
        scores = [await self._redis.zscore(slot.key("replays"), replay) for slot in slots]
        return [slot for slot, score in zip(slots, scores, strict=True) if score is not None]

    async def pause(self, replay: str) -> bool:
        """Moves nothing more until it is resumed. Gives False where it is over, or unknown."""
        return await self._steer(replay, "paused")

    async def resume(self, replay: str) -> bool:
        return await self._steer(replay, "running")

    async def cancel(self, replay: str) -> bool:
        """Moves nothing more. What was moved stays on its way."""
        changed = await self._steer(replay, "cancelled")
        if changed:
            await self.tell_end(replay)
        return changed

    async def tell_end(self, replay: str) -> None:
        """In the audit, if it is over and nobody told it yet. Raises `NotAudited`."""
        await tell_end(self._redis, self._buffer.key_prefix, await self.progress(replay))

    async def _steer(self, replay: str, wanted: Wanted) -> bool:
        calls = [Call("steer", slot.fixed, ["", replay, wanted]) for slot in self._slots()]
        return any([int(await run_one(self._redis, call)) for call in calls])

    async def _list(self, replay: str, now: int) -> None:
        """It stands in the list before it begins; those of which nothing is known any more leave it."""
        key = list_key(self._buffer.key_prefix)
        old = await self._redis.zrange(key, "-inf", now - KEPT_MS, byscore=True)
        gone = [each for each in old if not await self.progress(each.decode())]
        await run_one(self._redis, Call("enlist", [key], [replay, now, *gone]))

    def _slots(self) -> list[Slot]:
        shards = range(self._buffer.shards)
        return [Slot(self._buffer.key_prefix, name, shard) for name in DESTINATIONS for shard in shards]
