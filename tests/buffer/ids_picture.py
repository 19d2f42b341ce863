"""The index of accepted ids as it lies in Redis, and what must be true of it. Knows its layout, but not the scripts."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from tests.buffer.picture import Picture

IDS_A_HASH = 44


class Noted(NamedTuple):
    """One id: in which generation of which window (seconds) it was noted, in which of its hashes, and what of it."""

    window: int
    generation: int
    place: int
    id: bytes
    content: bytes
    batch: str


def ids_noted(picture: Picture) -> Iterator[Noted]:
    for name, fields in picture.ids.items():
        window, generation, place = map(int, name.split(":"))
        for known, value in fields.items():
            assert (len(known), len(value)) == (8, 12), (known, value)
            batch = f"{int.from_bytes(value[4:9], 'little')}-{value[9:].hex()}"
            yield Noted(window, generation, place, known, value[:4], batch)


def check_ids(picture: Picture) -> None:
    """Every id is counted, lies where it is looked for, and was noted once in all the time that it is known."""
    batches = int(picture.fixed.get("meta", {}).get(b"batches", 0))
    counts: Counter[str] = Counter()
    generations: defaultdict[tuple[int, bytes], list[int]] = defaultdict(list)
    for one in ids_noted(picture):
        generation = f"{one.window}:{one.generation}"
        counts[generation] += 1
        generations[one.window, one.id].append(one.generation)
        assert one.place == place_of(one.id, picture.noted[generation]), one
        assert 1 <= int(one.batch.partition("-")[0]) <= batches
    assert counts == picture.noted
    for times in generations.values():
        times.sort()
        assert all(later - earlier > 2 for earlier, later in pairwise(times)), times


def place_of(known: bytes, count: int) -> int:
    """Linear hashing: the hash whose number is the id's, by the smallest power of two that reaches beyond."""
    hashes = count // IDS_A_HASH + 1
    number, power = int.from_bytes(known[:4], "little"), 1
    while power < hashes:
        power *= 2
    place = number % power
    return place if place < hashes else place - power // 2
