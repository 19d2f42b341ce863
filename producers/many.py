"""Many events at once: in as few calls as their sizes allow, with a result for each, in their order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from producers.accepted import EventId, Fate, Told
from producers.appender import Appender, append_each
from producers.errors import EnqueueFailed, Fault, InvalidEvent
from producers.keys import Slot
from producers.preparer import Made

CHUNK_EVENTS = 500
CHUNK_BYTES = 1_000_000


class Result(NamedTuple):
    """What became of one event of `enqueue_many`: its id, or why it was not accepted."""

    id: str
    error: InvalidEvent | EnqueueFailed | None = None
    fate: Fate | None = None


def accepted(made: Made, fate: Fate) -> EventId:
    """The id of an event that the appender took. Raises `InvalidEvent` if it belongs to another event."""
    if fate is Fate.CONFLICT:
        raise InvalidEvent([Fault("id", f"{made.id!r} was accepted before, with another content")])
    return EventId(made.id, fate)


_PENDING = Result("")  # until its call is over
_new_result, _new_text = tuple.__new__, str.__new__  # of the classes themselves: half of what a result costs


def _result(made: Made, fate: Fate) -> Result:
    try:
        return Result(accepted(made, fate), None, fate)
    except InvalidEvent as error:
        return Result(made.id, error, fate)


class Chunks:
    """Takes events one after the other; sends them by slot. Once Redis fails, the rest is not tried."""

    def __init__(self, appender: Appender) -> None:
        self._appender = appender
        self._open: dict[Slot, _Chunk] = {}
        self._failed: EnqueueFailed | None = None
        self.results: list[Result] = []

    def refuse(self, result: Result) -> None:
        """The next event in line cannot be sent."""
        self.results.append(result)

    def add(self, made: Made) -> None:
        slot = self._appender.slot_of(made)
        chunk = self._open.get(slot)
        if chunk is None:
            chunk = self._open[slot] = _Chunk()
        chunk.indexes.append(len(self.results))
        chunk.made.append(made)
        chunk.bytes += made.entry.size
        self.results.append(_PENDING)
        if len(chunk.made) >= CHUNK_EVENTS or chunk.bytes >= CHUNK_BYTES:
            self._send([self._open.pop(slot)])

    def finish(self) -> list[Result]:
        """Sends what is left: several slots in one write, which is no larger than that of one may be."""
        together, events, size = list[_Chunk](), 0, 0
        for chunk in self._open.values():
            events, size = events + len(chunk.made), size + chunk.bytes
            if together and (events > CHUNK_EVENTS or size > CHUNK_BYTES):
                self._send(together)
                together, events, size = [], len(chunk.made), chunk.bytes
            together.append(chunk)
        self._open = {}
        if together:
            self._send(together)
        return self.results

    def _send(self, chunks: Sequence[_Chunk]) -> None:
        if self._failed is not None:
            told: list[Told] = [EnqueueFailed(self._failed.reason, id="", maybe_accepted=False)] * len(chunks)
        else:
            told = append_each(self._appender, [chunk.made for chunk in chunks])
        for chunk, each in zip(chunks, told, strict=True):
            if isinstance(each, EnqueueFailed):
                self._failed = self._failed or each
                self._fail(chunk, each)
            else:
                self._note(chunk, each)

    def _fail(self, chunk: _Chunk, error: EnqueueFailed) -> None:
        for index, made in zip(chunk.indexes, chunk.made, strict=True):
            failed = EnqueueFailed(error.reason, id=made.id, maybe_accepted=error.maybe_accepted)
            self.results[index] = Result(made.id, failed)

    def _note(self, chunk: _Chunk, fates: Sequence[Fate]) -> None:
        results, buffered = self.results, Fate.BUFFERED
        for index, made, fate in zip(chunk.indexes, chunk.made, fates, strict=True):
            if fate is buffered:  # nearly always: made here, since a call would cost as much as the result
                results[index] = _new_result(Result, (_new_text(EventId, made.id), None, fate))
            else:
                results[index] = _result(made, fate)


class _Chunk:
    """Events of one slot that travel in one call."""

    def __init__(self) -> None:
        self.indexes: list[int] = []
        self.made: list[Made] = []
        self.bytes = 0
