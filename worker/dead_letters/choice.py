"""Which letters a filter takes at one moment, told by counts, and what an operator should know before they go."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from typing import Any, NamedTuple

from redis.asyncio import Redis

from producers.clock import rfc3339
from producers.keys import Slot
from worker.dead_letters.choosing import Choosing
from worker.dead_letters.filter import CHUNK, Filter
from worker.dead_letters.finding import Finder
from worker.dead_letters.indexes import Found, Order

Group = tuple[str, str, str]


class Choice(NamedTuple):
    """What is kept of it does not grow with the letters.

    `by`: how many of each destination, account and code. Times in ms. `bounds`: of each slot the newest number that is
    meant, so that what dies meanwhile is not; `lasts`: the last letter, where a limit leaves others of the slot.
    """

    by: Counter[Group]
    oldest: int
    newest: int
    missing: Sequence[str]
    bounds: dict[Slot, str]
    lasts: dict[Slot, Found] | None = None

    @property
    def total(self) -> int:
        return self.by.total()

    def shown(self) -> dict[str, Any]:
        """For `--dry-run --json`. Most letters first."""
        groups = sorted(self.by.items(), key=lambda item: (-item[1], item[0]))
        names = ("destination", "account", "code")
        return {
            "by": [{**dict(zip(names, group, strict=True)), "letters": letters} for group, letters in groups],
            "oldest_died_at": rfc3339(self.oldest) if self.by else None,
            "newest_died_at": rfc3339(self.newest) if self.by else None,
            "missing": list(self.missing),
        }


async def choose(redis: Redis, finder: Finder, chosen: Filter, limit: int | None = None) -> Choice:
    """By counters where they tell; else letters are looked at, oldest first, up to the limit."""
    bounds = await _bounds(redis, finder.slots(chosen.destination))
    if chosen.counted:
        found = await _counted(redis, chosen, bounds)
        if limit is None or found.total <= limit:
            return found
    return await _looked_at(redis, finder, chosen, limit, bounds)


async def chunks_of(finder: Finder, chosen: Filter, found: Choice) -> AsyncIterator[tuple[Slot, list[str]]]:
    """The letters of a choice that are still there, oldest first in each slot, as many as one call takes."""
    for slot, bound in found.bounds.items():
        some: list[str] = []
        last = found.lasts.get(slot) if found.lasts is not None else None
        if found.lasts is not None and last is None:
            continue
        async for each in _each(finder, chosen, bound, slot):
            if last and (each.at, each.number) > (last.at, last.number):
                break
            some.append(each.number)
            if len(some) >= CHUNK:
                yield slot, some
                some = []
        if some:
            yield slot, some


async def _bounds(redis: Any, slots: Sequence[Slot]) -> dict[Slot, str]:
    pipeline = redis.pipeline(transaction=False)
    for slot in slots:
        pipeline.hget(slot.key("meta"), "letters")
    numbers = zip(slots, await pipeline.execute(), strict=True)
    return {slot: f"{int(number):012d}" for slot, number in numbers if number}


async def _counted(redis: Redis, chosen: Filter, bounds: dict[Slot, str]) -> Choice:
    """No letter is looked at."""
    choosing, by, spans = Choosing(redis, chosen, Order.of(chosen)), Counter[Group](), list[int]()
    for slot in bounds:
        counts = await choosing.counts(slot)
        by.update({(slot.destination, account, code): count for (code, account), count in counts.items()})
        spans += await choosing.span(slot) if counts else []
    return Choice(by, min(spans, default=0), max(spans, default=0), [], bounds)


async def _looked_at(
    redis: Redis, finder: Finder, chosen: Filter, limit: int | None, bounds: dict[Slot, str]
) -> Choice:
    by, ids, lasts, oldest, newest = Counter[Group](), set[str](), dict[Slot, Found](), 0, 0
    async for found, group, letter_id in _grouped(redis, finder, chosen):
        if chosen.ids:
            ids.add(letter_id)
        if limit is not None and by.total() >= limit:
            if chosen.ids:
                continue  # whether the others are there is told as well
            break
        by[group] += 1
        lasts[found.slot] = found
        oldest, newest = min(oldest or found.at, found.at), max(newest, found.at)
    missing = [event_id for event_id in chosen.ids if event_id not in ids]
    return Choice(by, oldest, newest, missing, bounds, lasts)


async def _grouped(redis: Any, finder: Finder, chosen: Filter) -> AsyncIterator[tuple[Found, Group, str]]:
    """No event is read where indexes tell which letters are meant."""
    if not chosen.indexed:
        async for letter in finder.find(chosen, oldest_first=True):
            found = Found(letter.slot, letter.number, letter.died_at)
            yield found, (letter.slot.destination, letter.of.account, letter.code), letter.id
        return
    async for page in finder.places(chosen, Order.of(chosen, True)):
        pipeline = redis.pipeline(transaction=False)
        for each in page:
            pipeline.hmget(each.slot.key("letter", each.number), "account", "code")
        for each, (account, code) in zip(page, await pipeline.execute(), strict=True):
            if code is not None:
                yield each, (each.slot.destination, account.decode(), code.decode()), ""


async def _each(finder: Finder, chosen: Filter, bound: str, slot: Slot) -> AsyncIterator[Found]:
    if chosen.indexed:
        async for page in finder.places(chosen, Order.of(chosen, True, None, bound), slot):
            for each in page:
                yield each
    else:
        async for letter in finder.find(chosen, oldest_first=True, until=bound, slot=slot):
            yield Found(slot, letter.number, letter.died_at)
