"""Where an event is, by its id: from the index by which producers know what was accepted, and from the records."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any, NamedTuple

from redis.asyncio import Redis

from producers.destinations import DESTINATIONS, Destination
from producers.keys import Slot, shard_of
from producers.prints import print_of_id
from producers.scripts import load
from producers.settings import BatchSettings, BufferSettings
from worker.dead_letters import DeadLetters, Filter
from worker.dead_letters.letter import Letter
from worker.delivery.records import known_by
from worker.events.story import DEAD, DELIVERED, Attempt, Records
from worker.events.waiting import Waiting, waiting

FIND = load("worker.buffer", "find")
SPLIT, GONE = "parts", ""  # states of find.lua beside those of a batch


class Found(NamedTuple):
    """An accepted event. `state`: delivered, dead, or that of its batch (`parts`: it was split, and no more is known;
    nothing: it is settled, and its record is gone). Times in milliseconds.

    `opened`: its first batch, 0 if that is not known. It was accepted not before `since` and before `until`. `letters`:
    the numbers of its dead letters; `reasons`: why the last of them died. `now_in`: the batch that it was in last, and
    `waits` how that one stands.
    """

    destination: str
    event_type: str
    batch: str
    state: str
    opened: int
    since: int
    until: int
    letters: tuple[str, ...] = ()
    reasons: tuple[dict[str, Any], ...] = ()
    attempts: tuple[Attempt, ...] = ()
    replayed: bool = False
    now_in: str = ""
    waits: Waiting = Waiting()

    @property
    def delivered(self) -> Attempt | None:
        """The attempt that delivered it."""
        return self.attempts[-1] if self.state == DELIVERED and self.attempts else None


class Lookup:
    """Looks in every shard's index that an event may be in. `now` (ms) stands in for Redis's clock in tests."""

    def __init__(
        self,
        redis: Redis,
        buffer: BufferSettings,
        batches: Callable[[str], BatchSettings],
        now: int | None = None,
    ) -> None:
        self._redis: Any = redis  # its stubs know neither bytes nor awaitables apart
        self._buffer = buffer
        self._batches = batches
        self._now = now
        self._dead = DeadLetters(redis, buffer, batches)

    async def find(
        self, event_id: str, account: str, destination: str | None = None, event_type: str | None = None
    ) -> list[Found]:
        """Each event that was accepted under this id within the window. No type given: those that the API knows."""
        names = [destination] if destination else list(DESTINATIONS)
        return [one for name in names async for one in self._of(DESTINATIONS[name], event_id, account, event_type)]

    async def _of(self, to: Destination, event_id: str, account: str, event_type: str | None) -> AsyncIterator[Found]:
        window_s = self._batches(to.name).duplicates_window_s
        types = [event_type] if event_type else to.event_types
        if not window_s:
            return
        prints = [print_of_id(account, each, event_id) for each in types]
        slot = Slot(self._buffer.key_prefix, to.name, shard_of(account, self._buffer.shards))
        now = "" if self._now is None else self._now
        answers = await self._redis.eval(FIND.text, len(slot.fixed), *slot.fixed, now, window_s, *prints)
        for each, known_as, answer in zip(types, prints, answers, strict=True):
            if answer:
                batch, state, opened, since, until = answer
                found = Found(to.name, each, batch.decode(), state.decode(), opened, since, until)
                yield await self._told(found, to, slot, event_id, account, known_as)

    async def _told(
        self, found: Found, to: Destination, slot: Slot, event_id: str, account: str, known_as: bytes
    ) -> Found:
        """With what the records tell, and how its batch and its letters stand."""
        way = await Records(self._redis, slot).way(found.batch, known_as)
        letters = [each async for each in self._dead.find(Filter(to.name, account, ids=[event_id]))]
        letters = [each for each in letters if _is(to, each, known_as)]
        waits = await waiting(self._redis, slot, account, way.batch)
        return found._replace(
            state=DEAD if letters else way.end or waits.state or (GONE if found.state != SPLIT else SPLIT),
            opened=way.opened or found.opened or waits.opened,
            letters=tuple(each.number for each in letters),
            reasons=_reasons(letters[0]) if letters else (),
            attempts=way.attempts,
            replayed=way.replayed,
            now_in=way.batch,
            waits=waits,
        )


def _is(to: Destination, letter: Letter, known_as: bytes) -> bool:
    """Whether a letter of this id is the event, which has a type as well, if it tells one."""
    untold = not to.type_of(letter.event.payload, letter.of)
    return untold or known_by(to, letter.of, letter.event.encode()) == known_as


def _reasons(letter: Letter) -> tuple[dict[str, Any], ...]:
    """Of its last death; it may have been edited since."""
    return next((tuple(entry["reasons"]) for entry in reversed(letter.event.history) if "reasons" in entry), ())
