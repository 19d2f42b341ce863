"""The dead-letter queues: find, replay and discard letters. Each change is one script call for a hundred letters."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from itertools import groupby, islice
from typing import Any, NamedTuple

from redis.asyncio import Redis

from producers.accepted import EventId
from producers.append import epoch
from producers.consent import Consent
from producers.destinations import DESTINATIONS
from producers.errors import ConfigurationError, ForwarderError, InvalidEvent
from producers.keys import Slot
from producers.settings import BatchSettings, BufferSettings
from worker.buffer.calls import Call, run_one
from worker.effects import effect
from worker.intake.letters import NAME as INTAKE
from worker.letters import Letter
from worker.second_consent import Undecided, ask

PAGE = 500
CHUNK = 100
REENTER_S = 60  # longer than a chunk of messages takes


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


class Replayed(NamedTuple):
    """How many letters were sent again, and how many discarded without consent; the ids of those nobody decided on.

    A letter of the latter stays where it is: the consent callback raised.
    """

    moved: int = 0
    withheld: int = 0
    undecided: tuple[str, ...] = ()

    def plus(self, more: Replayed) -> Replayed:
        return Replayed(self.moved + more.moved, self.withheld + more.withheld, self.undecided + more.undecided)


def no_intake(_message: bytes) -> EventId:
    """Where nobody gave a producer, messages of the intake cannot be replayed."""
    raise ConfigurationError("messages of the intake are replayed by the command line only")


class DeadLetters:
    """All dead-letter queues of one buffer."""

    def __init__(
        self,
        redis: Redis,
        buffer: BufferSettings,
        batches: Callable[[str], BatchSettings],
        enqueue: Callable[[bytes], EventId] = no_intake,
        consent: Consent | None = None,
    ) -> None:
        """`enqueue`: takes a message of the intake, or raises `Undecided`. `consent`: asked for each other letter."""
        self._redis: Any = redis  # its stubs know neither bytes nor awaitables apart
        self._buffer = buffer
        self._batches = batches
        self._enqueue = enqueue
        self._consent = consent

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

    async def overtaken(self, places: Iterable[Place]) -> int:
        """How many letters are older than what has been delivered to their list since they died.

        Sent again they go past it: an old `include` after a newer `exclude` brings an address back.
        """
        total = 0
        for slot, numbers in _chunks(places):
            letters = [letter for letter in await self._read(slot, numbers) if letter.of.kind]
            for letter in letters:
                field = f"{letter.of.account}\0{letter.of.order}"
                latest = await self._redis.hget(slot.key("latest"), field)
                total += latest is not None and int(latest) > letter.died_at
        return total

    async def replay(self, places: Iterable[Place], moved: Callable[[int], object] = lambda _: None) -> Replayed:
        """Sends letters again, in batches of their own, with their first ids and times, if they still may be sent."""
        total = Replayed()
        for slot, numbers in _chunks(places):
            letters = await self._read(slot, numbers)
            again = self._reenter if slot.destination == INTAKE else self._revive
            done = await again(slot, letters) if letters else Replayed()
            total = total.plus(done)
            moved(done.moved + done.withheld)
        return total

    async def discard(self, places: Iterable[Place], moved: Callable[[int], object] = lambda _: None) -> int:
        """Gives letters up for good. Gives how many there still were."""
        total = 0
        for slot, numbers in _chunks(places):
            done = int(await run_one(self._redis, _discard_call(slot, "discarded", numbers)))
            total += done
            moved(done)
        return total

    async def _revive(self, slot: Slot, letters: list[Letter]) -> Replayed:
        """First those go that may not be sent: whatever happens then, they are not."""
        asked = ask(self._consent, letters)
        withheld = [letter.number for letter in asked.withheld]
        gone = int(await run_one(self._redis, _discard_call(slot, "discarded", withheld))) if withheld else 0
        call = self._replay_call(slot, asked.allowed)
        moved = int(await run_one(self._redis, call)) if asked.allowed else 0
        return Replayed(moved, gone, tuple(letter.id for letter in asked.undecided))

    async def _reenter(self, slot: Slot, letters: list[Letter]) -> Replayed:
        """Messages of the intake are checked and enqueued anew; one that is still at fault stays where it is."""
        taken: list[str] = []
        undecided: list[str] = []
        withheld = 0
        busy = slot.key("dispatched")
        with effect("intake letters lock"):
            alone = await self._redis.set(busy, 1, nx=True, ex=REENTER_S)
        if not alone:
            raise ForwarderError("somebody else replays messages of the intake at this moment")
        try:
            for letter in letters:
                try:
                    withheld += self._enqueue(letter.event.payload).withheld
                    taken.append(letter.number)
                except InvalidEvent:
                    continue
                except Undecided:
                    undecided.append(letter.id)
        finally:
            await run_one(self._redis, _discard_call(slot, "delivered", taken))
            with effect("intake letters unlock"):
                await self._redis.delete(busy)
        return Replayed(len(taken) - withheld, withheld, tuple(undecided))

    def _replay_call(self, slot: Slot, letters: list[Letter]) -> Call:
        caps, to = self._batches(slot.destination), DESTINATIONS[slot.destination]
        args: list[str | int] = ["", epoch(), caps.max_events]
        for letter in letters:
            cap_bytes = caps.max_bytes - to.envelope_bytes(letter.of.account, letter.of.order, letter.of.kind)
            args += [letter.number, len(letter.event.payload) + 1, cap_bytes, letter.event.event_time]
        return Call("replay", slot.fixed, args)

    def _slots(self, destination: str | None) -> list[Slot]:
        names = [destination] if destination else [*DESTINATIONS, INTAKE]
        prefix, shards = self._buffer.key_prefix, self._buffer.shards
        return [Slot(prefix, name, shard) for name in names for shard in range(1 if name == INTAKE else shards)]

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


def _discard_call(slot: Slot, counted: str, numbers: Sequence[str]) -> Call:
    return Call("discard", slot.fixed, [counted, *numbers])


def _split(field: bytes) -> tuple[str, str]:
    """Code and account of a count: `<length of the code>:<code><account>`, in bytes."""
    length, _, both = field.partition(b":")
    return both[: int(length)].decode(), both[int(length) :].decode()


def _chunks(places: Iterable[Place]) -> Iterator[tuple[Slot, list[str]]]:
    """Neighbours of one slot, at most a chunk together."""
    for slot, group in groupby(places, key=lambda place: place.slot):
        numbers = (place.number for place in group)
        while chunk := list(islice(numbers, CHUNK)):
            yield slot, chunk
