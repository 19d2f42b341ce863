"""Reads the indexes of dead letters by the time of death: many of them as one, a page at a time."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncGenerator, Iterable, Iterator, Sequence
from heapq import heapify, heappop, heapreplace
from itertools import groupby
from typing import Any, NamedTuple

from redis.asyncio import Redis

from producers.keys import Slot
from worker.buffer.calls import Call, ask
from worker.dead_letters.expiry import Times
from worker.dead_letters.filter import Cursor, Filter

PAGE = 500
LEAST = 8  # of an index, where there are many
TOGETHER = 100  # indexes that one call of the script reads: Redis does nothing else meanwhile
Key = tuple[int, int, str, int]


class Found(NamedTuple):
    """A letter in an index, and when it died (ms)."""

    slot: Slot
    number: str
    at: int


class Order(NamedTuple):
    """In which order, and which part: letters that died from `since` on and before `until` (ms), behind a cursor.

    `newest`: no number above it, which is of a letter that came later.
    """

    oldest_first: bool = False
    since: int | None = None
    until: int | None = None
    after: Cursor | None = None
    newest: str | None = None

    @classmethod
    def of(
        cls, chosen: Filter, oldest_first: bool = False, after: Cursor | None = None, newest: str | None = None
    ) -> Order:
        return cls(oldest_first, chosen.since, chosen.until, after, newest)

    def key(self, found: Found) -> Key:
        """Of all slots together: what sorts first comes first."""
        way = 1 if self.oldest_first else -1
        return way * found.at, way * int(found.number), found.slot.destination, found.slot.shard

    def start(self, slot: Slot) -> tuple[int, str] | None:
        """The time and number behind which the letters of a slot come."""
        if self.after is None:
            return None
        at, number, destination, shard = self.after
        if not destination or (slot.destination, slot.shard) <= (destination, shard):
            return at, number
        return at, f"{int(number) + (-1 if self.oldest_first else 1):012d}"  # the same number is still to come

    def takes(self, found: Found) -> bool:
        """What the script does by itself, for letters that came another way."""
        inside = (self.since is None or found.at >= self.since) and (self.until is None or found.at < self.until)
        return inside and self.counts(found.number) and self._is_behind(found)

    def counts(self, number: str) -> bool:
        return self.newest is None or number <= self.newest

    def _is_behind(self, found: Found) -> bool:
        start = self.start(found.slot)
        if start is None:
            return True
        here, there = (found.at, found.number), start
        return here > there if self.oldest_first else here < there

    @property
    def words(self) -> list[str]:
        """For the script."""
        since = "-inf" if self.since is None else str(self.since)
        return ["oldest" if self.oldest_first else "newest", since, "+inf" if self.until is None else str(self.until)]


class Source:
    """One index of one slot, read ahead. `index`: as in `dead_counts`; nothing for all letters of the slot.

    `times`: of the events; None for any.
    """

    def __init__(self, slot: Slot, index: bytes, times: Times | None, order: Order) -> None:
        self.slot = slot
        self.times = times
        self.ahead: deque[Found] = deque()
        self.more = True
        self._index = index
        self._order = order
        self._behind = order.start(slot)

    @property
    def words(self) -> list[bytes | str | int]:
        return [self._index, *(self._behind or (0, ""))]

    def took(self, page: Sequence[Any]) -> None:
        """What the script gave."""
        more, last, last_number, *told = page
        found = (Found(self.slot, number.decode(), int(float(at))) for number, at in pairs(told))
        self.ahead.extend(each for each in found if self._order.counts(each.number))
        self.more = bool(more)
        if last_number:
            self._behind = int(float(last)), last_number.decode()


def pairs(told: Sequence[bytes]) -> Iterator[tuple[bytes, bytes]]:
    return zip(told[::2], told[1::2], strict=True)


async def merged(redis: Redis, sources: Sequence[Source], order: Order) -> AsyncGenerator[list[Found], None]:
    """The letters of all of them in one order, a page at a time."""
    size = max(LEAST, PAGE // max(1, len(sources)))
    page: list[Found] = []
    heap: list[tuple[Key, int]] = []
    await _fill(redis, sources, order, size)
    heap = [(order.key(source.ahead[0]), at) for at, source in enumerate(sources) if source.ahead]
    heapify(heap)
    while heap:
        _, at = heap[0]
        source = sources[at]
        page.append(source.ahead.popleft())
        if not source.ahead and source.more:
            size = min(PAGE, 2 * size)
            await _fill(redis, [source], order, size)
        if source.ahead:
            heapreplace(heap, (order.key(source.ahead[0]), at))
        else:
            heappop(heap)
        if len(page) >= PAGE:
            yield page
            page = []
    if page:
        yield page


async def _fill(redis: Redis, sources: Iterable[Source], order: Order, size: int) -> None:
    """Reads on in those that are empty, until they have something or nothing more comes."""
    while empty := [source for source in sources if source.more and not source.ahead]:
        groups = list(_groups(empty))
        calls = [_call(group, order, size) for group in groups]
        for group, pages in zip(groups, await ask(redis, calls), strict=True):
            for source, page in zip(group, pages, strict=True):
                source.took(page)


def _groups(sources: Iterable[Source]) -> Iterator[list[Source]]:
    for _, group in groupby(sources, key=lambda source: source.slot):
        together = list(group)
        for start in range(0, len(together), TOGETHER):
            yield together[start : start + TOGETHER]


def _call(group: Sequence[Source], order: Order, size: int) -> Call:
    slot, times = group[0].slot, group[0].times
    words = [word for source in group for word in source.words]
    return Call("letters", slot.fixed, [*order.words, *(times.words if times else ("", "")), size, *words])
