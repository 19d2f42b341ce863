"""Another event in the place of a dead letter's, checked as a producer checks it, with the one before kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import IntEnum
from hashlib import sha1
from typing import Any, NamedTuple

import msgspec
from msgspec.structs import replace
from redis.asyncio import Redis

from producers.clock import now_ms, rfc3339
from producers.destinations import DESTINATIONS, Whole
from producers.errors import Fault, ForwarderError, InvalidEvent
from producers.keys import Slot
from producers.lines import Line, parse_line
from producers.preparer import Preparer
from producers.settings import BufferSettings
from producers.stored_event import StoredEvent
from worker.buffer.calls import Call, run_one
from worker.dead_letters.differences import changed_fields, difference
from worker.dead_letters.filter import Filter
from worker.dead_letters.finding import Finder
from worker.dead_letters.letter import Letter
from worker.delivery.history import added
from worker.intake.letters import NAME as INTAKE
from worker.intake.letters import readable

TIME = "eventTime"


class NotEdited(ForwarderError):
    """Somebody else dealt with the letter meanwhile. Nothing was changed."""


class Opened(NamedTuple):
    """A letter as it is edited. `version`: of its stored text; an edit of another one changes nothing."""

    letter: Letter
    version: str

    @property
    def event(self) -> Any:
        """As `dlq show` prints it: a text where it is no JSON."""
        event = self.letter.readable()
        return readable(self.letter.event.payload) if event is None else event


class Change(NamedTuple):
    """A letter with what it is to hold from now on. `event`: as it will be sent, or the line of the intake."""

    opened: Opened
    event: Any
    of: Whole
    event_time: int
    payload: bytes

    @property
    def anything(self) -> bool:
        letter = self.opened.letter
        return (self.payload, self.of) != (letter.event.payload, letter.of)

    @property
    def difference(self) -> list[str]:
        """A unified diff, line by line."""
        return difference(self.opened.event, self.event)

    @property
    def details(self) -> dict[str, Any]:
        """For the audit: which letter and which fields, and nothing that a stranger wrote."""
        slot = self.opened.letter.slot
        whose = {"destination": slot.destination, "shard": slot.shard, "number": self.opened.letter.number}
        return {**whose, "fields": changed_fields(self.opened.event, self.event)}


class _Answer(IntEnum):
    """Of edit.lua."""

    BUSY = -2
    CHANGED = -1
    GONE = 0
    DONE = 1


WHY_NOT = {
    _Answer.GONE: "the dead letter is not there any more: it was replayed, discarded or erased meanwhile",
    _Answer.CHANGED: "the dead letter was edited by somebody else meanwhile: look at it again",
    _Answer.BUSY: "messages of the intake are being replayed at this moment: try again afterwards",
}


class Editor:
    """Changes single letters of one buffer. `preparer`: with the privacy rules and the caps of the producers."""

    def __init__(
        self, redis: Redis, buffer: BufferSettings, preparer: Preparer, clock: Callable[[], int] = now_ms
    ) -> None:
        self._redis: Any = redis
        self._finder = Finder(redis, buffer)
        self._preparer = preparer
        self._clock = clock

    async def open(self, slot: Slot, number: str) -> Opened | None:
        """The letter of this number, if it is there."""
        fields = await self._redis.hgetall(slot.key("letter", number))
        died = await self._redis.zscore(slot.key("dead"), number)
        return opened(slot, number, died, fields) if fields and died else None

    async def named(self, event_id: str, destination: str | None = None) -> list[Opened]:
        """The letters of an event: it may have several, in one queue or in more."""
        chosen = Filter(destination, ids=[event_id])
        places = [(letter.slot, letter.number) async for letter in self._finder.find(chosen)]
        found = [await self.open(*place) for place in places]
        return [each for each in found if each is not None]

    def change(self, opened: Opened, event: Any) -> Change:
        """What an edit would do. Raises `InvalidEvent` with every fault, by field; nothing is asked or changed."""
        if opened.letter.slot.destination == INTAKE:
            return self._line(opened, event)
        letter, to = opened.letter, DESTINATIONS[opened.letter.slot.destination]
        if isinstance(opened.event, Mapping) and TIME in opened.event and _lacks_time(event):
            raise InvalidEvent([Fault(f"event.{TIME}", "cannot be left out: an edit keeps it or says another one")])
        line = Line(to.name, letter.of.account, event, letter.id)
        now = self._clock()
        self._preparer.prepare(line, now)  # what a producer checks, its size among it
        _, prepared = self._preparer.checked(line, now)
        of = Whole(letter.of.account, prepared.order, prepared.kind)
        # An event without a time of its own keeps the one that it was given.
        time = prepared.event_time if isinstance(event, Mapping) and TIME in event else letter.event.event_time
        return Change(opened, to.event_of(prepared.payload, of), of, time, prepared.payload)

    async def ready(self, change: Change) -> None:
        """Raises `NotEdited` where nothing can be changed: asked before the audit is told that it begins."""
        slot, now = change.opened.letter.slot, await self.open(change.opened.letter.slot, change.opened.letter.number)
        if now is None:
            raise NotEdited(WHY_NOT[_Answer.GONE])
        if now.version != change.opened.version:
            raise NotEdited(WHY_NOT[_Answer.CHANGED])
        if slot.destination == INTAKE and await self._redis.exists(slot.key("dispatched")):
            raise NotEdited(WHY_NOT[_Answer.BUSY])

    async def edit(self, change: Change, *, by: str, why: str, via: str = "cli") -> None:
        """Raises `NotEdited`; then nothing was changed. The event as it was before stays in the history."""
        letter, slot = change.opened.letter, change.opened.letter.slot
        stored = self._stored(change, {"by": by, "via": via, "why": why}).encode()
        time = "" if slot.destination == INTAKE else change.event_time
        args = [letter.number, change.opened.version, change.of.order, change.of.kind, time, stored]
        answer = _Answer(int(await run_one(self._redis, Call("edit", slot.fixed, args))))
        if answer is not _Answer.DONE:
            raise NotEdited(WHY_NOT[answer])

    def _line(self, opened: Opened, event: Any) -> Change:
        """A message of the intake may be changed as a whole: it was in no batch yet, and is enqueued as a new one."""
        text = event.encode("utf-8", "surrogatepass") if isinstance(event, str) else _as_json(event)
        self._preparer.prepare_line(parse_line(text))
        kept = self._preparer.as_kept(text)
        self._preparer.prepare_line(parse_line(kept))
        return Change(opened, readable(kept), opened.letter.of, opened.letter.event.event_time, kept)

    def _stored(self, change: Change, who: Mapping[str, str]) -> StoredEvent:
        letter = change.opened.letter
        entry = {"at": rfc3339(self._clock()), "edited": {**who, "original": self._as_kept(change.opened)}}
        history = added(letter.event.history, entry)
        return replace(letter.event, payload=change.payload, event_time=change.event_time, history=history)

    def _as_kept(self, opened: Opened) -> Any:
        """The event before an edit, under the rules of today: when it was enqueued they may have been others."""
        letter = opened.letter
        if letter.slot.destination == INTAKE:
            return readable(self._preparer.as_kept(letter.event.payload))
        return self._preparer.event_as_kept(letter.slot.destination, letter.of.account, opened.event)


def opened(slot: Slot, number: str, died: float, fields: Mapping[bytes, bytes]) -> Opened:
    """From the hash of the letter."""
    version = sha1(fields[b"event"], usedforsecurity=False).hexdigest()
    return Opened(Letter.read(slot, number, died, fields), version)


def chosen_of(found: Iterable[Opened], account: str | None, number: str | None) -> Sequence[Opened]:
    """Those of this account and number, which leads no zeros where a person writes it."""
    numbered = [each for each in found if number is None or each.letter.number.lstrip("0") == number.lstrip("0")]
    return [each for each in numbered if account in (None, each.letter.of.account)]


def _lacks_time(event: Any) -> bool:
    return isinstance(event, Mapping) and TIME not in event


def _as_json(event: Any) -> bytes:
    try:
        return msgspec.json.encode(event)
    except (UnicodeEncodeError, RecursionError, TypeError) as error:
        raise InvalidEvent([Fault("line", f"cannot be written as JSON: {type(error).__name__}")]) from None
