"""What a replay would do, told beforehand. Changes nothing."""

from __future__ import annotations

from collections import Counter
from typing import Any, NamedTuple

from redis.asyncio import Redis

from producers.keys import Slot
from worker.dead_letters.choosing import codes_and_accounts
from worker.dead_letters.filter import Filter
from worker.dead_letters.finding import Finder
from worker.dead_letters.letter import Letter
from worker.dead_letters.moving import place_of

Row = tuple[str, str, str]  # destination, account, code


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
    """By counters, where they tell; else each letter that is chosen is read, oldest first, up to the limit."""
    found = Preview(Counter(), Counter(), Counter(), Counter(), {}, frozenset())
    seconds, _ = await redis.time()
    if limit is None and chosen.indexed and not chosen.by_expiry and chosen.since is chosen.until is None:
        await _count(redis, finder, chosen, seconds * 1000, found)
        return found
    return await _read(redis, finder, chosen, limit, seconds * 1000, found)


async def _count(redis: Any, finder: Finder, chosen: Filter, now: int, found: Preview) -> None:
    """What expired is read, and what goes to a list, which may have changed since."""
    for slot in finder.slots(chosen.destination):
        for (code, account), count in (await _counts_of(redis, slot)).items():
            if chosen.account in (None, account) and chosen.code in (None, code):
                found.movable[slot.destination, account, code] += count
                found.shares[slot] += count
    async for letter in finder.find(chosen._replace(expires_before=now + 1)):
        found.expired[_row(letter)] += 1
        found.movable[_row(letter)] -= 1
        found.shares[letter.slot] -= 1
    latest = _Latest(redis)
    for slot in finder.slots(chosen.destination):
        if await redis.hlen(slot.key("latest")):  # something was delivered to a list
            async for letter in finder.find(chosen, slot=slot):
                found.overtaken[_row(letter)] += await latest.is_newer(letter)


async def _counts_of(redis: Any, slot: Slot) -> dict[tuple[str, str], int]:
    fields = await redis.hgetall(slot.key("dead_counts"))
    return {codes_and_accounts(field): int(count) for field, count in fields.items()}


async def _read(redis: Redis, finder: Finder, chosen: Filter, limit: int | None, now: int, found: Preview) -> Preview:
    latest, ids = _Latest(redis), set()
    async for letter in finder.find(chosen, oldest_first=True):
        if limit is not None and found.movable.total() >= limit:
            break
        ids.add(letter.id)
        row, expires = _row(letter), letter.expires_at
        if expires is not None and expires <= now:
            found.expired[row] += 1
        else:
            found.movable[row] += 1
            found.shares[letter.slot] += 1
            found.overtaken[row] += await latest.is_newer(letter)
        if chosen.ids:
            found.places.setdefault(letter.slot, []).append(place_of(letter))
    return found._replace(ids=frozenset(ids))


def _row(letter: Letter) -> Row:
    return letter.slot.destination, letter.of.account, letter.code


class _Latest:
    """When something was last delivered to a list, asked once a list."""

    def __init__(self, redis: Redis) -> None:
        self._redis: Any = redis
        self._known: dict[tuple[Slot, str], int] = {}

    async def is_newer(self, letter: Letter) -> bool:
        if not letter.of.kind:
            return False
        key = (letter.slot, f"{letter.of.account}\0{letter.of.order}")
        if key not in self._known:
            self._known[key] = int(await self._redis.hget(letter.slot.key("latest"), key[1]) or 0)
        return self._known[key] > letter.died_at
