"""What a replay would do, told beforehand. Changes nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

from redis.asyncio import Redis

from producers.keys import Slot
from worker.dead_letters.choosing import Choosing
from worker.dead_letters.filter import Filter
from worker.dead_letters.finding import Finder
from worker.dead_letters.indexes import Order
from worker.dead_letters.moving import place_of
from worker.replay.seen import Row, Seen, seen_by_index


class Preview(NamedTuple):
    """Letters by destination, account and code: those that would be moved, those that are too old, and of the former
    those that go past newer changes of their list, which they may undo. `shares`: of each slot; `places`: by id.
    """

    movable: Counter[Row]
    expired: Counter[Row]
    overtaken: Counter[Row]
    shares: Counter[Slot]
    places: dict[Slot, list[str]]
    ids: frozenset[str]

    def rows(self) -> list[dict[str, Any]]:
        """As people see it, most first."""
        keys = sorted({*self.movable, *self.expired}, key=lambda row: (-self.movable[row], row))
        return [
            {
                "destination": row[0],
                "account": row[1],
                "code": row[2],
                "would_move": self.movable[row],
                "expired": self.expired[row],
                "overtaken": self.overtaken[row],
            }
            for row in keys
        ]


async def preview(redis: Redis, finder: Finder, chosen: Filter, limit: int | None = None) -> Preview:
    """By counters, where they tell; else each letter that is chosen is looked at, oldest first, up to the limit."""
    seconds, _ = await redis.time()
    now = seconds * 1000
    if chosen.counted:
        found = await _count(redis, finder, chosen, now)
        if limit is None or found.movable.total() <= limit:
            return found
    return await _look(redis, finder, chosen, limit, now)


def _nothing() -> Preview:
    return Preview(Counter(), Counter(), Counter(), Counter(), {}, frozenset())


async def _count(redis: Any, finder: Finder, chosen: Filter, now: int) -> Preview:
    """What expired is looked at, and what goes to a list, which may have changed since."""
    found, choosing, slots = _nothing(), Choosing(redis, chosen, Order.of(chosen)), finder.slots(chosen.destination)
    for slot in slots:
        counts = await choosing.counts(slot)
        found.movable.update({(slot.destination, account, code): count for (code, account), count in counts.items()})
        found.shares[slot] += counts.total()
    async for seen in seen_by_index(redis, finder, chosen._replace(expires_before=now + 1)):
        found.expired[seen.row] += 1
        found.movable[seen.row] -= 1
        found.shares[seen.slot] -= 1
    latest = _Latest(redis)
    for slot in slots:
        if await redis.hlen(slot.key("latest")):  # something was delivered to a list
            async for seen in seen_by_index(redis, finder, chosen, slot):
                found.overtaken[seen.row] += not seen.is_expired(now) and await latest.is_newer(seen)
    return found


async def _look(redis: Redis, finder: Finder, chosen: Filter, limit: int | None, now: int) -> Preview:
    found, latest, ids = _nothing(), _Latest(redis), set()
    each = seen_by_index(redis, finder, chosen) if chosen.indexed else _seen_whole(finder, chosen)
    async for seen in each:
        if limit is not None and found.movable.total() >= limit:
            break
        if seen.is_expired(now):
            found.expired[seen.row] += 1
        else:
            found.movable[seen.row] += 1
            found.shares[seen.slot] += 1
            found.overtaken[seen.row] += await latest.is_newer(seen)
        if chosen.ids:
            ids.add(seen.id)
            found.places.setdefault(seen.slot, []).append(seen.place)
    return found._replace(ids=frozenset(ids))


async def _seen_whole(finder: Finder, chosen: Filter) -> AsyncIterator[Seen]:
    async for letter in finder.find(chosen, oldest_first=True):
        row = letter.slot.destination, letter.of.account, letter.code
        line = letter.of.order if letter.of.kind else None
        yield Seen(letter.slot, row, line, letter.died_at, place_of(letter), letter.expires_at, letter.id)


class _Latest:
    """When something was last delivered to a list, asked once a list."""

    def __init__(self, redis: Redis) -> None:
        self._redis: Any = redis
        self._known: dict[tuple[Slot, str], int] = {}

    async def is_newer(self, seen: Seen) -> bool:
        if seen.list is None:
            return False
        key = (seen.slot, f"{seen.row[1]}\0{seen.list}")
        if key not in self._known:
            self._known[key] = int(await self._redis.hget(seen.slot.key("latest"), key[1]) or 0)
        return self._known[key] > seen.died_at
