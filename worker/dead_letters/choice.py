"""All letters that a filter takes at one moment, and what an operator should know before they go."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import islice
from typing import Any, NamedTuple

from redis.asyncio import Redis

from producers.clock import rfc3339
from worker.dead_letters.filter import Filter, Place
from worker.dead_letters.finding import Finder
from worker.dead_letters.indexes import Found, Order

Group = tuple[str, str, str]


class Choice(NamedTuple):
    """`places`: slot by slot, oldest first. `by`: how many of each destination, account and code. Times in ms."""

    places: Sequence[Place]
    by: Counter[Group]
    oldest: int
    newest: int
    missing: Sequence[str]

    def shown(self) -> dict[str, Any]:
        """For `--dry-run --json`. Most letters first."""
        groups = sorted(self.by.items(), key=lambda item: (-item[1], item[0]))
        names = ("destination", "account", "code")
        return {
            "by": [{**dict(zip(names, group, strict=True)), "letters": letters} for group, letters in groups],
            "oldest_died_at": rfc3339(self.oldest) if self.places else None,
            "newest_died_at": rfc3339(self.newest) if self.places else None,
            "missing": list(self.missing),
        }


async def choose(redis: Redis, finder: Finder, chosen: Filter, limit: int | None = None) -> Choice:
    """The oldest ones, if there are more than `limit`. What dies meanwhile is not among them."""
    found, by, ids = await (_indexed if chosen.indexed else _read)(redis, finder, chosen, limit)
    times = [each.at for each in found]
    found.sort(key=lambda each: each.slot)  # so that a chunk is of one slot; they keep their order in it
    places = [Place(each.slot, each.number) for each in found]
    missing = [event_id for event_id in chosen.ids if event_id not in ids]
    return Choice(places, by, min(times, default=0), max(times, default=0), missing)


async def _read(
    _redis: Redis, finder: Finder, chosen: Filter, limit: int | None
) -> tuple[list[Found], Counter[Group], set[str]]:
    found, by, ids = list[Found](), Counter[Group](), set[str]()
    async for letter in finder.find(chosen, oldest_first=True):
        ids.add(letter.id)
        if limit is None or len(found) < limit:
            found.append(Found(letter.slot, letter.number, letter.died_at))
            by[letter.slot.destination, letter.of.account, letter.code] += 1
        elif not chosen.ids:
            break
    return found, by, ids


async def _indexed(
    redis: Redis, finder: Finder, chosen: Filter, limit: int | None
) -> tuple[list[Found], Counter[Group], set[str]]:
    """No event is read."""
    found, by = list[Found](), Counter[Group]()
    async for page in finder.places(chosen, Order.of(chosen, True)):
        new = list(islice(page, None if limit is None else limit - len(found)))
        by.update(await _groups(redis, new))
        found += new
        if limit is not None and len(found) >= limit:
            break
    return found, by, set()


async def _groups(redis: Any, page: Sequence[Found]) -> list[Group]:
    pipeline = redis.pipeline(transaction=False)
    for each in page:
        pipeline.hmget(each.slot.key("letter", each.number), "account", "code")
    answers = zip(page, await pipeline.execute(), strict=True)
    return [(each.slot.destination, account.decode(), code.decode()) for each, (account, code) in answers if code]
