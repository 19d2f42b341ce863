"""Turns checked events into one call of the `append` script a slot."""

from __future__ import annotations

import random
import struct
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from producers.destinations import Destination, Prepared
from producers.keys import LAYOUT, Slot
from producers.prints import print_of_content, print_of_id
from producers.scripts import load
from producers.settings import BatchSettings, BufferSettings
from producers.stored_event import encoded

APPEND = load("producers", "append")
KEYS = 5  # of the fixed ones, the first: more of them cost Redis time
NO_PRINT = bytes(12)  # of an event that is not looked for among those that were accepted


class Entry(NamedTuple):
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
    args: list[str | bytes | int]
    places: list[int]

    @property
    def command(self) -> list[str | bytes | int]:
        return [len(self.keys), *self.keys, *self.args]


def entry(account: str, prepared: Prepared, now: int, trace: str = "") -> Entry:
    """The event as it will lie in Redis. The id goes into the header only where the payload does not hold it."""
    stored = encoded(now, prepared.event_time, prepared.payload, prepared.header_id, trace)
    separated = len(prepared.payload) + 1
    content = print_of_content(prepared.said or prepared.payload, prepared.order, prepared.kind)
    known_by = print_of_id(account, prepared.event_type, prepared.id) + content
    return Entry(account, prepared.order, prepared.kind, prepared.event_time, separated, stored, known_by)


def append_call(
    slot: Slot, buffer: BufferSettings, to: Destination, batch: BatchSettings, entries: Iterable[Entry]
) -> Append:
    """The call that appends `entries`, which keep their order within an order key."""
    runs = list(_runs(entries))
    placed = [each for run in runs for each in run]
    sizes = struct.pack(f"<{len(placed)}I", *[each.size for _, each in placed])
    prints = b"".join([each.print for _, each in placed]) if batch.duplicates_window_s else b""
    args: list[str | bytes | int] = [LAYOUT, buffer.shards, "", epoch(), *_bounds(buffer, batch)]
    args += [batch.duplicates_window_s, batch.max_events, batch.linger_ms, sizes, prints, len(runs)]
    for run in runs:
        first = run[0][1]
        times = [each.event_time for _, each in run]
        cap_bytes = batch.max_bytes - to.envelope_bytes(first.account, first.order, first.kind)
        args += [first.account, first.order, first.kind, cap_bytes, min(times), max(times), len(run)]
        args += [each.stored for _, each in run]
    return Append(slot.fixed[:KEYS], args, [place for place, _ in placed])


def _bounds(buffer: BufferSettings, batch: BatchSettings) -> tuple[int, int, int]:
    """Of one slot: its share of what may wait of the destination."""
    events, size = (-(-most // buffer.shards) for most in (batch.max_buffered_events, batch.max_buffered_bytes))
    return events, size, buffer.max_memory_percent


def epoch() -> str:
    """The random part of a batch's id: a Redis that came back older than it was cannot give one id out twice."""
    return f"{random.getrandbits(24):06x}"


def _runs(entries: Iterable[Entry]) -> Iterator[list[tuple[int, Entry]]]:
    """Entries of one order key and kind together, with their places; a change of kind in an order key starts anew."""
    open_runs: dict[tuple[str, str], list[tuple[int, Entry]]] = {}
    for placed in enumerate(entries):
        _, each = placed
        key = (each.account, each.order)
        run = open_runs.get(key)
        if run and run[0][1].kind != each.kind:
            yield open_runs.pop(key)
            run = None
        if run:
            run.append(placed)
        else:
            open_runs[key] = [placed]
    yield from open_runs.values()
