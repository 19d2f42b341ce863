"""Brings dead letters back: one script call for a hundred, and what is there already is passed over."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import OutOfMemoryError, ResponseError

from producers.errors import ForwarderError
from producers.keys import LAYOUT, Slot
from producers.preparer import Preparer
from producers.settings import BufferSettings
from worker.buffer.calls import Call, run_one
from worker.dead_letters.filter import CHUNK, Filter
from worker.dead_letters.finding import Finder
from worker.dead_letters.letter import Letter
from worker.delivery.history import original
from worker.intake.letters import NAME as INTAKE
from worker.intake.letters import readable

Same = tuple[object, ...]


class NoRoom(ForwarderError):
    """Redis takes no letters now."""


class Importing:
    """Collects letters by their slots. `imported`, `known`: how many were brought back, and were there already.

    `preparer`: with the privacy rules by which an edit keeps the event before it.
    """

    def __init__(self, redis: Redis, finder: Finder, buffer: BufferSettings, preparer: Preparer) -> None:
        self._redis: Any = redis
        self._finder = finder
        self._buffer = buffer
        self._preparer = preparer
        self._waiting: dict[Slot, list[Letter]] = {}
        self.imported = self.known = 0

    async def add(self, letter: Letter) -> None:
        """Brings it back with the next chunk of its slot. Raises `NoRoom`."""
        waiting = self._waiting.setdefault(letter.slot, [])
        waiting.append(letter)
        if len(waiting) >= CHUNK:
            await self._bring(letter.slot, self._waiting.pop(letter.slot))

    async def finish(self) -> None:
        """Brings back what waits for others. Raises `NoRoom`."""
        while self._waiting:
            await self._bring(*self._waiting.popitem())

    async def _bring(self, slot: Slot, letters: list[Letter]) -> None:
        """Those of one id one after the other, as each is looked for among those that are there."""
        while letters:
            firsts = list({letter.id: letter for letter in reversed(letters)}.values())[::-1]
            chosen = {id(letter) for letter in firsts}
            rest = [letter for letter in letters if id(letter) not in chosen]
            letters = [*await self._once(slot, firsts), *rest]

    async def _once(self, slot: Slot, letters: Sequence[Letter]) -> list[Letter]:
        """Gives those that must be looked for again: letters of their ids came or went meanwhile."""
        counts = await self._counts(slot, letters)
        there = [letter async for letter in self._finder.find(Filter(ids=[each.id for each in letters]), slot=slot)]
        known = {self._same(letter) for letter in there}
        new = [(letter, counts[letter.id]) for letter in letters if self._same(letter) not in known]
        left = await self._run(slot, [word for each in new for word in _words(*each)]) if new else []
        self.known += len(letters) - len(new)
        self.imported += len(new) - len(left)
        return [new[place][0] for place in left]

    async def _counts(self, slot: Slot, letters: Sequence[Letter]) -> dict[str, int]:
        """How many letters there are of each id."""
        pipeline = self._redis.pipeline(transaction=False)
        for letter in letters:
            start = letter.id.encode()
            pipeline.zlexcount(slot.key("dead_ids"), b"[" + start + b"\0", b"(" + start + b"\1")
        return dict(zip((letter.id for letter in letters), await pipeline.execute(), strict=True))

    async def _run(self, slot: Slot, words: Sequence[Any]) -> list[int]:
        head = [LAYOUT, self._buffer.shards, self._buffer.max_memory_percent]
        try:
            return list(await run_one(self._redis, Call("import", slot.fixed, [*head, *words])))
        except OutOfMemoryError:
            raise NoRoom("Redis is out of memory") from None
        except ResponseError as error:
            word, _, told = str(error).partition(" ")
            if word not in ("FULL", "LAYOUT", "SHARDS"):
                raise
            raise NoRoom(told) from None

    def _same(self, letter: Letter) -> Same:
        """By what a letter is known again, also after it was edited: its first event, and the death it came from."""
        told, batch = json.dumps(self._first(letter), sort_keys=True), letter.last.get("batch", "")
        return letter.id, letter.of.account, letter.died_at, batch, told

    def _first(self, letter: Letter) -> Any:
        """The event before its first edit, as an edit keeps it: personal fields may be hashed there, and plain here."""
        first = original(letter.event.history, letter.readable())
        if letter.slot.destination != INTAKE:
            return self._preparer.event_as_kept(letter.slot.destination, letter.of.account, first)
        text = first if isinstance(first, str) else json.dumps(first)
        return readable(self._preparer.as_kept(text.encode("utf-8", "surrogatepass")))


def _words(letter: Letter, seen: int) -> list[Any]:
    """For the script."""
    event, of = letter.event, letter.of
    event_time = "" if letter.slot.destination == INTAKE else event.event_time
    names = (letter.id, letter.code, of.account, of.order, of.kind)
    return [*names, letter.died_at, event_time, event.encode(), seen]
