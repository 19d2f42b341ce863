"""What a replay would do, told beforehand. Changes nothing."""

from __future__ import annotations

from collections import Counter
from typing import Any, NamedTuple

from redis.asyncio import Redis

from producers.destinations import DESTINATIONS
from producers.keys import Slot
from worker.dead_letters.filter import Filter
from worker.dead_letters.finding import Finder
from worker.dead_letters.letter import Letter
from worker.dead_letters.moving import Candidate

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
    """Looks at each letter that is chosen, oldest first, until `limit` of them can be moved."""
    found = Preview(Counter(), Counter(), Counter(), Counter(), {}, frozenset())
    latest = _Latest(redis)
    seconds, _ = await redis.time()
    ids = set()
    async for letter in finder.find(chosen, oldest_first=True):
        if limit is not None and found.movable.total() >= limit:
            break
        ids.add(letter.id)
        row = (letter.slot.destination, letter.of.account, letter.code)
        if is_expired(letter, seconds * 1000):
            found.expired[row] += 1
        else:
            found.movable[row] += 1
            found.shares[letter.slot] += 1
            found.overtaken[row] += await latest.is_newer(letter)
        if chosen.ids:
            found.places.setdefault(letter.slot, []).append(Candidate.of(letter).place)
    return found._replace(ids=frozenset(ids))


def is_expired(letter: Letter, now: int) -> bool:
    """Whether its API takes it no more at `now` (ms)."""
    to = DESTINATIONS.get(letter.slot.destination)
    expires = to.window.expires(letter.event.event_time) if to else None
    return expires is not None and expires <= now


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
