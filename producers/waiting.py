"""Events of coroutines that wait for a call or for its answer. A call is told to each who waits."""

from __future__ import annotations

from asyncio import Future
from collections.abc import Sequence
from typing import NamedTuple

from producers.accepted import Fate, Told
from producers.errors import EnqueueFailed
from producers.keys import Slot
from producers.preparer import Made

Waiting = tuple[Made, "Future[Fate]"]  # an event, and who waits for its fate


class Call(NamedTuple):
    """Events of one slot. `size`: what they take of a request, in bytes."""

    slot: Slot
    waiting: Sequence[Waiting]
    size: int

    @property
    def made(self) -> list[Made]:
        return [made for made, _ in self.waiting]

    def tell(self, told: Told) -> None:
        """To each what became of its event."""
        if isinstance(told, EnqueueFailed):
            for made, waits in self.waiting:
                _fail(waits, EnqueueFailed(told.reason, id=made.id, maybe_accepted=told.maybe_accepted))
            return
        for (_, waits), fate in zip(self.waiting, told, strict=True):
            if not waits.done():  # whoever was cancelled asks no more
                waits.set_result(fate)

    def fail(self, error: BaseException) -> None:
        """Something went wrong that is no word of Redis."""
        for _, waits in self.waiting:
            _fail(waits, error)


def fitting(waiting: Sequence[Waiting], events: int, room: int) -> tuple[int, int]:
    """How many of them travel in a call of no more events and bytes than these, and how large they are."""
    size = 0
    for place, (made, _) in enumerate(waiting[:events]):
        if size + made.entry.size > room:
            return place, size
        size += made.entry.size
    return min(len(waiting), events), size


def _fail(waits: Future[Fate], error: BaseException) -> None:
    if not waits.done():
        waits.set_exception(error)
