"""Turns checked events into one call of the `append` script a slot."""

from __future__ import annotations

import random
import struct
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import msgspec

from producers.connection.resp import Command, Word, written
from producers.destinations import Destination, Prepared
from producers.keys import LAYOUT, Slot
from producers.prints import print_of_content, print_of_id
from producers.scripts import load
from producers.settings import BatchSettings, BufferSettings
from producers.stored_event import encoded

APPEND = load("producers", "append")
KEYS = 5  # of the fixed ones, the first: more of them cost Redis time
NO_PRINT = bytes(12)  # of an event that is not looked for among those that were accepted


class Entry(msgspec.Struct, frozen=True, gc=False):
    """One event on its way into a slot. `size` is what it takes of a request, in bytes.

    `print`: 8 bytes of its account, type and id, and 4 of what the caller said of it.
    """

    account: str
    order: str
    kind: str
    event_time: int
    size: int
    stored: bytes
    print: bytes = NO_PRINT


class Append(NamedTuple):
    """One call of the script: all its arguments, keys first. `places`: of its events, among the entries given."""

    keys: list[str]
    args: list[Word]
    places: Sequence[int]

    @property
    def command(self) -> list[Word]:
        return [len(self.keys), *self.keys, *self.args]


def entry(account: str, prepared: Prepared, now: int, trace: str = "") -> Entry:
    """The event as it will lie in Redis. The id goes into the header only where the payload does not hold it."""
    payload, order, kind, event_time = prepared.payload, prepared.order, prepared.kind, prepared.event_time
    stored = encoded(now, event_time, payload, prepared.header_id, trace)
    content = print_of_content(prepared.said or payload, order, kind)
    known_by = print_of_id(account, prepared.event_type, prepared.id) + content
    return Entry(account, order, kind, event_time, len(payload) + 1, stored, known_by)


class Head:
    """What all calls for one slot begin with. A producer keeps it, and it is written once."""

    def __init__(self, slot: Slot, buffer: BufferSettings, to: Destination, batch: BatchSettings) -> None:
        self._to = to
        self._batch = batch
        self._keys = slot.fixed[:KEYS]
        self._first: list[Word] = [LAYOUT, buffer.shards, ""]
        self._then: list[Word] = [*_bounds(buffer, batch)]
        self._then += [batch.duplicates_window_s, batch.max_events, batch.linger_ms]
        self._until_epoch = written([KEYS, *self._keys, *self._first])
        self._from_epoch = written(self._then)

    def command(self, call: Append) -> Command:
        """All words of a call that follow the script's name."""
        before = len(self._first) + 1 + len(self._then)
        batch_epoch = call.args[len(self._first)]
        parts = (self._until_epoch, written([batch_epoch]), self._from_epoch, written(call.args[before:]))
        return Command(1 + KEYS + len(call.args), b"".join(parts))

    def call(self, entries: Sequence[Entry]) -> Append:
        """The call that appends `entries`, which keep their order within an order key."""
        runs = list(_runs(entries)) if len(entries) != 1 else [[0]]
        places = [place for run in runs for place in run]
        given = [entries[place] for place in places]
        sizes = struct.pack(f"<{len(given)}I", *[each.size for each in given])
        prints = b"".join([each.print for each in given]) if self._batch.duplicates_window_s else b""
        args = [*self._first, epoch(), *self._then, sizes, prints, len(runs)]
        for run in runs:
            self._add([entries[place] for place in run], args)
        return Append(self._keys, args, places)

    def _add(self, run: Sequence[Entry], args: list[Word]) -> None:
        first = run[0]
        cap_bytes = self._batch.max_bytes - self._to.envelope_bytes(first.account, first.order, first.kind)
        times = [each.event_time for each in run]
        args += [first.account, first.order, first.kind, cap_bytes, min(times), max(times), len(run)]
        args += [each.stored for each in run]


def append_call(
    slot: Slot, buffer: BufferSettings, to: Destination, batch: BatchSettings, entries: Iterable[Entry]
) -> Append:
    """The call that appends `entries` to a slot."""
    return Head(slot, buffer, to, batch).call(list(entries))


def _bounds(buffer: BufferSettings, batch: BatchSettings) -> tuple[int, int, int]:
    """Of one slot: its share of what may wait of the destination."""
    events, size = (-(-most // buffer.shards) for most in (batch.max_buffered_events, batch.max_buffered_bytes))
    return events, size, buffer.max_memory_percent


def epoch() -> str:
    """The random part of a batch's id: a Redis that came back older than it was cannot give one id out twice."""
    return f"{random.getrandbits(24):06x}"


def _runs(entries: Sequence[Entry]) -> Iterator[list[int]]:
    """Places of entries of one order key and kind together; a change of kind in an order key starts anew."""
    open_runs: dict[tuple[str, str], list[int]] = {}
    for place, each in enumerate(entries):
        key = (each.account, each.order)
        run = open_runs.get(key)
        if run is None:
            open_runs[key] = [place]
        elif entries[run[0]].kind == each.kind:
            run.append(place)
        else:
            yield open_runs.pop(key)
            open_runs[key] = [place]
    yield from open_runs.values()
