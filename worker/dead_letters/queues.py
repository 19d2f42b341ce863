"""All dead-letter queues of one buffer: find, replay and discard letters."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable

from redis.asyncio import Redis

from producers.accepted import EventId
from producers.consent import Consent
from producers.keys import Slot
from producers.preparer import Preparer
from producers.settings import BatchSettings, BufferSettings
from worker.dead_letters.choice import Choice, choose, chunks_of
from worker.dead_letters.discarding import discard, discard_chunks
from worker.dead_letters.filter import Cursor, Filter, Place
from worker.dead_letters.finding import Finder
from worker.dead_letters.importing import Importing
from worker.dead_letters.indexes import Order
from worker.dead_letters.letter import Letter
from worker.dead_letters.replaying import Replayed, Replaying, no_intake


class DeadLetters:
    """What operators do with the letters of one buffer."""

    def __init__(
        self,
        redis: Redis,
        buffer: BufferSettings,
        batches: Callable[[str], BatchSettings],
        enqueue: Callable[[bytes], EventId] = no_intake,
        consent: Consent | None = None,
    ) -> None:
        """`enqueue`: takes a message of the intake, or raises `Undecided`. `consent`: asked for each other letter."""
        self._redis = redis
        self._buffer = buffer
        self._finder = Finder(redis, buffer)
        self._replaying = Replaying(redis, self._finder, batches, enqueue, consent)

    def find(
        self,
        chosen: Filter,
        *,
        oldest_first: bool = False,
        after: Cursor | None = None,
        until: str | None = None,
        slot: Slot | None = None,
    ) -> AsyncIterator[Letter]:
        """The letters that the filter takes, newest first unless told; read a page at a time. See `Finder.find`."""
        return self._finder.find(chosen, oldest_first=oldest_first, after=after, until=until, slot=slot)

    async def count(self, chosen: Filter) -> int:
        """How many letters the filter takes."""
        return await self._finder.count(chosen)

    async def counts(self) -> dict[tuple[str, str, str], int]:
        """How many letters there are, by (destination, account, code)."""
        return await self._finder.counts()

    async def choose(self, chosen: Filter, *, oldest_first: bool = True) -> list[Place]:
        """Where the letters are that the filter takes now, slot by slot: what comes later is not among them."""
        slots = self._finder.slots(chosen.destination)
        return [place for slot in slots async for place in self._chosen(chosen, slot, oldest_first)]

    async def _chosen(self, chosen: Filter, slot: Slot, oldest_first: bool) -> AsyncIterator[Place]:
        """No letter is read where indexes know all."""
        if chosen.indexed:
            async for page in self._finder.places(chosen, Order.of(chosen, oldest_first), slot):
                for found in page:
                    yield Place(slot, found.number)
        else:
            async for letter in self.find(chosen, oldest_first=oldest_first, slot=slot):
                yield Place(slot, letter.number)

    async def choice(self, chosen: Filter, limit: int | None = None) -> Choice:
        """A summary of the letters that the filter takes now, the oldest if there are more than `limit`."""
        return await choose(self._redis, self._finder, chosen, limit)

    async def overtaken(self, places: Iterable[Place]) -> int:
        """How many letters are older than what has been delivered to their list since they died."""
        return await self._replaying.overtaken(places)

    async def replay(self, places: Iterable[Place], moved: Callable[[int], object] = lambda _: None) -> Replayed:
        """Sends letters again, in batches of their own, with their first ids and times, if they still may be sent."""
        return await self._replaying.replay(places, moved)

    def importing(self, preparer: Preparer | None = None) -> Importing:
        """Brings letters back, as many as it is given. `preparer`: with the privacy rules of edits."""
        return Importing(self._redis, self._finder, self._buffer, preparer or Preparer({}))

    async def discard_choice(
        self, chosen: Filter, found: Choice, moved: Callable[[int], object] = lambda _: None
    ) -> int:
        """Gives the letters of a choice up for good. Gives how many there still were."""
        return await discard_chunks(self._redis, chunks_of(self._finder, chosen, found), moved)

    async def discard(self, places: Iterable[Place], moved: Callable[[int], object] = lambda _: None) -> int:
        """Gives letters up for good. Gives how many there still were."""
        return await discard(self._redis, places, moved)
