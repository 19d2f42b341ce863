"""What a preview must know of a letter: no event is read for it where indexes tell which letters are meant."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from typing import Any, NamedTuple

from producers.destinations import DESTINATIONS
from producers.keys import Slot
from worker.dead_letters.filter import Filter
from worker.dead_letters.finding import Finder
from worker.dead_letters.indexes import Found, Order

A_SECOND = 50_000  # letters that are looked at: Redis has others to serve
Row = tuple[str, str, str]  # destination, account, code


class Seen(NamedTuple):
    """`list`: of an audience that the letter changes, None for others. Times in ms. `place`: of its death, as a replay
    has it; `id` only where letters are read.
    """

    slot: Slot
    row: Row
    list: str | None
    died_at: int
    place: str
    expires_at: int | None
    id: str = ""

    def is_expired(self, now: int) -> bool:
        return self.expires_at is not None and self.expires_at <= now


async def seen_by_index(redis: Any, finder: Finder, chosen: Filter, slot: Slot | None = None) -> AsyncIterator[Seen]:
    """Oldest first."""
    async for page in finder.places(chosen, Order.of(chosen, True), slot):
        began = time.monotonic()
        for seen in await _looked_at(redis, page):
            yield seen
        await asyncio.sleep(max(0.0, began + len(page) / A_SECOND - time.monotonic()))


async def _looked_at(redis: Any, page: Sequence[Found]) -> list[Seen]:
    """Those that are still there."""
    slots = list(dict.fromkeys(found.slot for found in page))
    pipeline = redis.pipeline(transaction=False)
    for slot, number, _ in page:
        pipeline.hmget(slot.key("letter", number), "account", "code", "order", "kind")
    for slot in slots:
        pipeline.zmscore(slot.key("dead_expires"), [found.number for found in page if found.slot == slot])
    answers = await pipeline.execute()
    times = {slot: iter(told) for slot, told in zip(slots, answers[len(page) :], strict=True)}
    letters = ((found, fields, next(times[found.slot])) for found, fields in zip(page, answers, strict=False))
    return [_seen(*letter) for letter in letters if letter[1][1] is not None]


def _seen(found: Found, fields: Sequence[bytes], event_time: float | None) -> Seen:
    account, code, order, kind = ((field or b"").decode() for field in fields)
    to = DESTINATIONS.get(found.slot.destination)
    expires = to.window.expires(int(event_time)) if to and event_time is not None else None
    row = found.slot.destination, account, code
    return Seen(found.slot, row, order if kind else None, found.at, f"{found.at}:{found.number}", expires)
