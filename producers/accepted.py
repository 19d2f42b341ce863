"""What became of an event that `enqueue` took. A leaf."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Any

from producers.errors import EnqueueFailed


class Fate(StrEnum):
    """Where an event is after `enqueue`. All but a conflict are good news."""

    BUFFERED = "buffered"  # in Redis, on its way
    DUPLICATE = "duplicate"  # the same event was accepted before, under the same id; nothing was added
    SPOOLED = "spooled"  # on this machine's disk, until Redis takes it
    WITHHELD = "withheld"  # the consent callback said no; counted as discarded
    CONFLICT = "conflict"  # another event was accepted before under the same id; nothing was added


class EventId(str):
    """The id of an event, a plain string that also knows the event's `fate`."""

    fate: Fate = Fate.BUFFERED  # of the class: nearly all ids need no room for one of their own

    def __new__(cls, event_id: str, fate: Fate = Fate.BUFFERED) -> EventId:
        made = str.__new__(cls, event_id)
        if fate is not Fate.BUFFERED:
            made.fate = fate
        return made

    @property
    def duplicate(self) -> bool:
        """Whether the same event had been accepted before under this id: a retried request, a double click."""
        return self.fate is Fate.DUPLICATE

    @property
    def spooled(self) -> bool:
        """Whether it waits on this machine's disk, since Redis did not answer in time."""
        return self.fate is Fate.SPOOLED

    @property
    def withheld(self) -> bool:
        """Whether it will not be sent, since the consent callback said no."""
        return self.fate is Fate.WITHHELD


Told = list[Fate] | EnqueueFailed  # of some events, what an appender's `append` gives or raises


def fates(answer: Any, places: Sequence[int]) -> list[Fate]:
    """What the script's answer says of each event, in the order in which they were given."""
    each = [Fate.BUFFERED] * len(places)
    if isinstance(answer, list):
        for place, word in zip(answer[1::3], answer[2::3], strict=True):
            each[places[place]] = Fate(word.decode())
    return each
