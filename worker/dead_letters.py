"""The dead-letter queues: find, replay and discard letters. Each change is one script call for a hundred letters."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from itertools import groupby, islice
from typing import Any, NamedTuple

from redis.asyncio import Redis

from producers.append import epoch
from producers.destinations import DESTINATIONS
from producers.keys import Slot
from producers.settings import BatchSettings, BufferSettings
from worker.buffer.calls import Call, run_one
from worker.letters import Letter

PAGE = 500
CHUNK = 100


class Filter(NamedTuple):
    """Which letters are meant. Nothing given means all of them."""

    destination: str | None = None
    account: str | None = None
    code: str | None = None
    ids: Sequence[str] = ()

    def takes(self, letter: Letter) -> bool:
        return self.account in (None, letter.of.account) and self.code in (None, letter.code)


class Place(NamedTuple):
    """Where one letter lies."""

    slot: Slot
    number: str


class DeadLetters:
    """All dead-letter queues of one buffer."""

    def __init__(self, redis: Redis, buffer: BufferSettings, batches: Callable[[str], BatchSettings]) -> None:
        self._redis: Any = redis  # its stubs know neither bytes nor awaitables apart
        self._buffer = buffer
        self._batches = batches

    async def find(self, chosen: Filter, *, oldest_first: bool = False) -> AsyncIterator[Letter]:
        """The letters that the filter takes, newest first unless told; read a page at a time."""
        for slot in self._slots(chosen.destination):
            pages = self._by_ids(slot, chosen.ids) if chosen.ids else self._by_time(slot, oldest_first)
            async for page in pages:
                for letter in await self._read(slot, page):
                    if chosen.takes(letter):
                        yield letter

    async def counts(self) -> dict[tuple[str, str, str], int]:
        """How many letters there are, by (destination, account, code)."""
        totals: dict[tuple[str, str, str], int] = {}
        for slot in self._slots(None):
            for field, count in (await self._redis.hgetall(slot.key("dead_counts"))).items():
                code, account = _split(field)
                totals[slot.destination, account, code] = int(count)
        return totals

    async def choose(self, chosen: Filter, *, oldest_first: bool = True) -> list[Place]:
        """Where the letters are that the filter takes now: what comes later is not among them."""
        return [Place(letter.slot, letter.number) async for letter in self.find(chosen, oldest_first=oldest_first)]

    async def replay(self, places: Iterable[Place], moved: Callable[[int], object] = lambda _: None) -> int:
        """Sends letters again, in batches of their own, with their first ids and times. Gives how many were moved."""
        return await self._each_chunk(places, self._replay_call, moved)

    async def discard(self, places: Iterable[Place], moved: Callable[[int], object] = lambda _: None) -> int:
        """Gives letters up for good. Gives how many there still were."""
        return await self._each_chunk(places, _discard_call, moved)

    async def _each_chunk(
        self, places: Iterable[Place], call: Callable[[Slot, list[Letter]], Call], moved: Callable[[int], object]
    ) -> int:
        total = 0
        for slot, numbers in _chunks(places):
            letters = await self._read(slot, numbers)
            done = int(await run_one(self._redis, call(slot, letters))) if letters else 0
            total += done
            moved(done)
        return total

    def _replay_call(self, slot: Slot, letters: list[Letter]) -> Call:
        caps, to = self._batches(slot.destination), DESTINATIONS[slot.destination]
        args: list[str | int] = ["", epoch(), caps.max_events]
        for letter in letters:
            cap_bytes = caps.max_bytes - to.envelope_bytes(letter.of.account, letter.of.order, letter.of.kind)
            args += [letter.number, len(letter.event.payload) + 1, cap_bytes, letter.event.event_time]
        return Call("replay", slot.fixed, args)

    def _slots(self, destination: str | None) -> list[Slot]:
        names = [destination] if destination else list(DESTINATIONS)
        shards = range(self._buffer.shards)
        return [Slot(self._buffer.key_prefix, name, shard) for name in names for shard in shards]

    async def _by_time(self, slot: Slot, oldest_first: bool) -> AsyncIterator[list[str]]:
        start, key = 0, slot.key("dead")
        while page := await self._redis.zrange(key, start, start + PAGE - 1, desc=not oldest_first):
            yield [number.decode() for number in page]
            start += PAGE

    async def _by_ids(self, slot: Slot, ids: Sequence[str]) -> AsyncIterator[list[str]]:
        for event_id in ids:
            start = event_id.encode() + b"\0"
            found = await self._redis.zrangebylex(slot.key("dead_ids"), b"[" + start, b"(" + event_id.encode() + b"\1")
            members = [member.rpartition(b"\0") for member in found]
            yield [number.decode() for owner, _, number in members if owner == event_id.encode()]

    async def _read(self, slot: Slot, numbers: Sequence[str]) -> list[Letter]:
        """The letters of these numbers that are still there."""
        pipeline = self._redis.pipeline(transaction=False)
        for number in numbers:
            pipeline.zscore(slot.key("dead"), number)
            pipeline.hgetall(slot.key("letter", number))
        answers = await pipeline.execute()
        pairs = zip(numbers, answers[::2], answers[1::2], strict=True)
        return [Letter.read(slot, number, died, fields) for number, died, fields in pairs if fields and died]


def _split(field: bytes) -> tuple[str, str]:
    """Code and account of a count: `<length of the code>:<code><account>`, in bytes."""
    length, _, both = field.partition(b":")
    return both[: int(length)].decode(), both[int(length) :].decode()


def _discard_call(slot: Slot, letters: list[Letter]) -> Call:
    return Call("discard", slot.fixed, ["discarded", *(letter.number for letter in letters)])


def _chunks(places: Iterable[Place]) -> Iterator[tuple[Slot, list[str]]]:
    """Neighbours of one slot, at most a chunk together."""
    for slot, group in groupby(places, key=lambda place: place.slot):
        numbers = (place.number for place in group)
        while chunk := list(islice(numbers, CHUNK)):
            yield slot, chunk
