"""Which batch an event went into, by its id: asked of the index by which producers know what was accepted."""

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

FIND = load("worker.buffer", "find")
SPLIT, GONE = "parts", ""  # states of find.lua beside those of a batch


class Found(NamedTuple):
    """An accepted event. `state`: of its batch (`parts`: it was split; nothing: it is settled). Times in milliseconds.

    `opened`: 0 if the batch is gone. It was accepted not before `since` and before `until`. `letters`: the numbers of
    its dead letters.
    """

    destination: str
    event_type: str
    batch: str
    state: str
    opened: int
    since: int
    until: int
    letters: tuple[str, ...] = ()


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
        for each, answer in zip(types, answers, strict=True):
            if answer:
                batch, state, opened, since, until = answer
                letters = await self._letters(to, event_id, account, each)
                yield Found(to.name, each, batch.decode(), state.decode(), opened, since, until, letters)

    async def _letters(self, to: Destination, event_id: str, account: str, event_type: str) -> tuple[str, ...]:
        chosen = Filter(to.name, account, ids=[event_id])
        letters = [letter async for letter in self._dead.find(chosen)]
        return tuple(letter.number for letter in letters if _type_of(to, letter) in (None, event_type))


def _type_of(to: Destination, letter: Letter) -> object:
    """None where the event does not tell."""
    event = to.event_of(letter.event.payload, letter.of)
    return event.get("eventType") or event.get("action") if isinstance(event, dict) else None


def fate_in_words(found: Found) -> str:
    """What became of it, as far as its batch and its dead letters tell."""
    if found.letters:
        return f"a dead letter: forwarder dlq show has it ({', '.join(found.letters)})"
    if found.state == SPLIT:
        return "its batch was split, and part of it is not settled yet"
    return _WORDS.get(found.state, found.state)


_WORDS: dict[str, str] = {
    "open": "waits: its batch is still open",
    "ready": "waits to be sent",
    "waiting": "waits for its next attempt",
    "in_flight": "is being sent",
    GONE: "settled: delivered, or discarded or replayed since",
}
