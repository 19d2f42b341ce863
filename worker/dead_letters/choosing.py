"""Which index answers a filter, and how that is checked against the others. No event is read."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncGenerator, Iterable, Iterator, Sequence
from typing import Any

from redis.asyncio import Redis

from producers.keys import Slot
from worker.dead_letters.expiry import Times, times_of
from worker.dead_letters.filter import Filter
from worker.dead_letters.indexes import PAGE, Found, Order, Source, merged

GATHERED = 20_000  # letters of the index of times that are put in order at once
SLICE = 5_000  # of these, in one command
FEW = 16  # indexes that are asked one by one whether they hold a letter
ALL = b""
Pages = AsyncGenerator[list[Found], None]


class Choosing:
    """For one filter and one order."""

    def __init__(self, redis: Redis, chosen: Filter, order: Order) -> None:
        self._redis: Any = redis
        self._chosen = chosen
        self._order = order

    async def pages(self, slots: Sequence[Slot]) -> Pages:
        """The letters in all these slots, in one order, as far as indexes know the filter."""
        few: list[Found] = []
        sources: list[Source] = []
        for slot in slots:
            known = await self._few(slot)
            if known is None:
                times = times_of(slot.destination, self._chosen)
                sources += [Source(slot, index, times, self._order) for index in await self._indexes(slot)]
            else:
                few += known
        few.sort(key=self._order.key)
        walked = merged(self._redis, sources, self._order)
        async for page in _both(few, walked, self._order) if sources else _cut(few):
            yield page

    async def count(self, slot: Slot) -> int:
        """By the sizes of indexes, where one answers alone; else by walking through the smaller one."""
        times = times_of(slot.destination, self._chosen)
        by_pair = (self._chosen.account, self._chosen.code) != (None, None)
        if times is None:
            return sum(await self._sizes(slot, await self._indexes(slot)))
        if not by_pair and (self._chosen.since, self._chosen.until) == (None, None):
            return int(await self._redis.zcount(slot.key("dead_expires"), *times.range))
        return sum([len(page) async for page in self.pages([slot])])

    async def counts(self, slot: Slot) -> Counter[tuple[str, str]]:
        """How many letters of each code and account, for a filter that is `counted`."""
        told = await self._redis.hgetall(slot.key("dead_counts"))
        fields = [each for each in told if _fits(codes_and_accounts(each), self._chosen.code, self._chosen.account)]
        timed = (self._chosen.since, self._chosen.until) != (None, None)
        sizes = await self._sizes(slot, fields) if timed else [int(told[each]) for each in fields]
        return +Counter({codes_and_accounts(each): size for each, size in zip(fields, sizes, strict=True)})

    async def span(self, slot: Slot) -> list[int]:
        """When the first and the last of these died (ms)."""
        _, since, until = self._order.words
        until = until if until == "+inf" else f"({until}"
        pipeline = self._redis.pipeline(transaction=False)
        for index in await self._indexes(slot):
            first = {"byscore": True, "offset": 0, "num": 1, "withscores": True}
            pipeline.zrange(key_of(slot, index), since, until, **first)
            pipeline.zrange(key_of(slot, index), until, since, desc=True, **first)
        return [int(at) for found in await pipeline.execute() for _, at in found]

    async def _few(self, slot: Slot) -> list[Found] | None:
        """All letters there, where it is known at once which they are: by their ids, or few by their times."""
        if self._chosen.ids:
            return await self._timed(slot, await self._of_ids(slot))
        times = times_of(slot.destination, self._chosen)
        if times is None:
            return None
        expiring = int(await self._redis.zcount(slot.key("dead_expires"), *times.range))
        indexes = await self._indexes(slot)
        if expiring > GATHERED or expiring > sum(await self._sizes(slot, indexes)):
            return None
        found = await self._timed(slot, await self._of_times(slot, times))
        return found if indexes == [ALL] else await self._paired(slot, found, indexes)

    async def _indexes(self, slot: Slot) -> list[bytes]:
        """Those by time of death whose letters the filter takes by account and code."""
        account, code = self._chosen.account, self._chosen.code
        if account is None and code is None:
            return [ALL]
        fields = await self._redis.hkeys(slot.key("dead_counts"))
        return [each for each in fields if _fits(codes_and_accounts(each), code, account)]

    async def _sizes(self, slot: Slot, indexes: Iterable[bytes]) -> list[int]:
        """Of the letters that died in the time of the filter."""
        return await sizes_of(self._redis, slot, indexes, self._order.since, self._order.until)

    async def _of_ids(self, slot: Slot) -> list[str]:
        pipeline = self._redis.pipeline(transaction=False)
        ids = [each.encode("utf-8", "surrogatepass") for each in dict.fromkeys(self._chosen.ids)]
        for each in ids:
            pipeline.zrangebylex(slot.key("dead_ids"), b"[" + each + b"\0", b"(" + each + b"\1")
        found = [
            (owner, number)
            for members in await pipeline.execute()
            for owner, _, number in (member.rpartition(b"\0") for member in members)
        ]
        return [number.decode() for number in dict.fromkeys(number for owner, number in found if owner in ids)]

    async def _of_times(self, slot: Slot, times: Times) -> list[str]:
        """By the times of their events. A page begins with all of the last time: some may have gone meanwhile."""
        key, found, tied = slot.key("dead_expires"), dict[bytes, float](), 0
        since, before = times.range
        while True:
            most = SLICE + tied
            page = await self._redis.zrangebyscore(key, since, before, start=0, num=most, withscores=True)
            found |= dict(page)
            if len(page) < most:
                return [number.decode() for number in found]
            last = page[-1][1]
            since, tied = str(int(last)), sum(at == last for at in found.values())

    async def _timed(self, slot: Slot, numbers: Sequence[str]) -> list[Found]:
        """When these died; those that are still there, and that the order takes."""
        found = []
        for some in _slices(numbers):
            died = await self._redis.zmscore(slot.key("dead"), some)
            found += [Found(slot, number, int(at)) for number, at in zip(some, died, strict=True) if at is not None]
        return [each for each in found if self._order.takes(each)]

    async def _paired(self, slot: Slot, found: Sequence[Found], indexes: Sequence[bytes]) -> list[Found]:
        """Those of these codes and accounts."""
        taken: set[str] = set()
        for some in _slices([each.number for each in found]):
            pipeline = self._redis.pipeline(transaction=False)
            if len(indexes) > FEW:
                for number in some:
                    pipeline.hmget(slot.key("letter", number), "code", "account")
                fields = zip(some, await pipeline.execute(), strict=True)
                taken.update(number for number, of in fields if None not in of and field_of(*of) in indexes)
            else:
                for index in indexes:
                    pipeline.zmscore(key_of(slot, index), some)
                for died in await pipeline.execute():
                    taken.update(number for number, at in zip(some, died, strict=True) if at is not None)
        return [each for each in found if each.number in taken]


async def sizes_of(redis: Any, slot: Slot, indexes: Iterable[bytes], since: int | None, until: int | None) -> list[int]:
    """Of the letters of each index that died then."""
    pipeline = redis.pipeline(transaction=False)
    for index in indexes:
        first, last = "-inf" if since is None else since, "+inf" if until is None else f"({until}"
        pipeline.zcount(key_of(slot, index), first, last)
    return list(await pipeline.execute())


def key_of(slot: Slot, index: bytes) -> bytes:
    """The sorted set of an index."""
    return slot.key("dead_of", "-").encode()[:-1] + index if index else slot.key("dead").encode()


def codes_and_accounts(field: bytes) -> tuple[str, str]:
    """Code and account of a count: `<length of the code>:<code><account>`, in bytes."""
    length, _, both = field.partition(b":")
    return both[: int(length)].decode(), both[int(length) :].decode()


def field_of(code: bytes, account: bytes) -> bytes:
    return b"%d:%s%s" % (len(code), code, account)


def _fits(of: tuple[str, str], code: str | None, account: str | None) -> bool:
    return code in (None, of[0]) and account in (None, of[1])


def _slices(numbers: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(numbers), SLICE):
        yield numbers[start : start + SLICE]


async def _cut(found: Sequence[Found]) -> Pages:
    for start in range(0, len(found), PAGE):
        yield list(found[start : start + PAGE])


async def _both(few: Sequence[Found], pages: Pages, order: Order) -> Pages:
    """Both in one order."""
    at = 0
    async for page in pages:
        last, start = order.key(page[-1]), at
        while at < len(few) and order.key(few[at]) < last:
            at += 1
        yield sorted([*few[start:at], *page], key=order.key) if at > start else page
    async for page in _cut(few[at:]):
        yield page
