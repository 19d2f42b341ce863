"""Sends dead letters again, in batches of their own: one script call for a hundred."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from redis.asyncio import Redis

from producers.accepted import EventId
from producers.consent import Consent
from producers.errors import ConfigurationError, ForwarderError, InvalidEvent
from producers.keys import Slot
from producers.settings import BatchSettings
from worker.buffer.calls import run_one
from worker.dead_letters.discarding import take_out
from worker.dead_letters.filter import Place, chunks
from worker.dead_letters.finding import Finder
from worker.dead_letters.letter import Letter
from worker.dead_letters.moving import Candidate, Done, Fate, replay_call
from worker.effects import effect
from worker.intake.letters import NAME as INTAKE
from worker.second_consent import Undecided, ask

REENTER_S = 60  # longer than a chunk of messages takes


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


class Replaying:
    """Moves letters back into the buffer."""

    def __init__(
        self,
        redis: Redis,
        finder: Finder,
        batches: Callable[[str], BatchSettings],
        enqueue: Callable[[bytes], EventId],
        consent: Consent | None,
    ) -> None:
        self._redis: Any = redis
        self._finder = finder
        self._batches = batches
        self._enqueue = enqueue
        self._consent = consent

    async def overtaken(self, places: Iterable[Place]) -> int:
        """How many letters are older than what has been delivered to their list since they died.

        Sent again they go past it: an old `include` after a newer `exclude` brings an address back.
        """
        total = 0
        for slot, numbers in chunks(places):
            letters = [letter for letter in await self._finder.read(slot, numbers) if letter.of.kind]
            for letter in letters:
                field = f"{letter.of.account}\0{letter.of.order}"
                latest = await self._redis.hget(slot.key("latest"), field)
                total += latest is not None and int(latest) > letter.died_at
        return total

    async def replay(self, places: Iterable[Place], moved: Callable[[int], object] = lambda _: None) -> Replayed:
        """Sends letters again, in batches of their own, with their first ids and times, if they still may be sent."""
        total = Replayed()
        for slot, numbers in chunks(places):
            letters = await self._finder.read(slot, numbers)
            again = self._reenter if slot.destination == INTAKE else self._revive
            done = await again(slot, letters) if letters else Replayed()
            total = total.plus(done)
            moved(done.moved + done.withheld)
        return total

    async def _revive(self, slot: Slot, letters: list[Letter]) -> Replayed:
        """What may not be sent is discarded in the same step."""
        asked = ask(self._consent, letters)
        withheld = {letter.number for letter in asked.withheld}
        fates: list[tuple[Candidate, Fate]] = [
            (Candidate.of(letter), "withhold" if letter.number in withheld else "move")
            for letter in letters
            if letter not in asked.undecided
        ]
        call = replay_call(slot, self._batches(slot.destination), fates)
        done = Done.of(await run_one(self._redis, call))
        return Replayed(done.moved, done.withheld, tuple(letter.id for letter in asked.undecided))

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
            await take_out(self._redis, slot, taken, "delivered")
            with effect("intake letters unlock"):
                await self._redis.delete(busy)
        return Replayed(len(taken) - withheld, withheld, tuple(undecided))
