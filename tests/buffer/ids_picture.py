"""The index of accepted ids as it lies in Redis, and what must be true of it. Knows its layout, but not the scripts."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from tests.buffer.picture import Picture

IDS_A_BUCKET, RECORD = 6, 20


class Noted(NamedTuple):
    """One id: in which generation of which window (seconds) it was noted, in which of its buckets, and what of it."""

    window: int
    generation: int
    place: int
    id: bytes
    content: bytes
    batch: str


def ids_noted(picture: Picture) -> Iterator[Noted]:
    for name, buckets in picture.ids.items():
        window, generation = map(int, name.split(":"))
        for place, bucket in buckets.items():
            assert len(bucket) % RECORD == 0, (place, bucket)
            for at in range(0, len(bucket), RECORD):
                known, content, number, epoch = (bucket[at + a : at + b] for a, b in pairwise((0, 8, 12, 17, 20)))
                batch = f"{int.from_bytes(number, 'little')}-{epoch.hex()}"
                yield Noted(window, generation, int.from_bytes(place, "little"), known, content, batch)


def counts_told(picture: Picture) -> dict[tuple[int, int], int]:
    """Of each window and generation that is asked: how many ids it has, by the word of meta."""
    counts: dict[tuple[int, int], int] = {}
    for name, told in picture.fixed.get("meta", {}).items():
        if name.startswith(b"noted:"):
            newest, *ids = map(int, told.split())
            counts |= {(int(name[6:]), newest - back): count for back, count in enumerate(ids) if count}
    return counts


def check_ids(picture: Picture) -> None:
    """Every id is counted, lies where it is looked for, and was noted once in all the time that it is known."""
    batches = int(picture.fixed.get("meta", {}).get(b"batches", 0))
    counts, told = Counter[tuple[int, int]](), counts_told(picture)
    generations: defaultdict[tuple[int, bytes], list[int]] = defaultdict(list)
    for one in ids_noted(picture):
        generations[one.window, one.id].append(one.generation)
        if (one.window, one.generation) not in told:  # nobody asks it any more
            continue
        counts[one.window, one.generation] += 1
        assert one.place == place_of(one.id, told[one.window, one.generation]), one
        assert 1 <= int(one.batch.partition("-")[0]) <= batches
    assert counts == told
    for times in generations.values():
        times.sort()
        assert all(later - earlier > 2 for earlier, later in pairwise(times)), times


def place_of(known: bytes, count: int) -> int:
    """Linear hashing: the bucket whose number is the id's, by the smallest power of two that reaches beyond."""
    buckets = count // IDS_A_BUCKET + 1
    number, power = int.from_bytes(known[:4], "little"), 1
    while power < buckets:
        power *= 2
    place = number % power
    return place if place < buckets else place - power // 2
