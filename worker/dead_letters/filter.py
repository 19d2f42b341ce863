"""Which letters are meant, and where they lie."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, islice
from typing import NamedTuple

from producers.keys import Slot
from worker.dead_letters.letter import Letter

CHUNK = 100  # letters that one script call changes


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


def chunks(places: Iterable[Place]) -> Iterator[tuple[Slot, list[str]]]:
    """Neighbours of one slot, at most a chunk together."""
    for slot, group in groupby(places, key=lambda place: place.slot):
        numbers = (place.number for place in group)
        while chunk := list(islice(numbers, CHUNK)):
            yield slot, chunk
