"""Checks an event and makes its id and time once. No I/O: what follows decides where the event goes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from producers.append import Entry, entry
from producers.clock import now_ms
from producers.destinations import Destination, destination_named
from producers.errors import Fault, InvalidEvent
from producers.lines import Line
from producers.settings import BatchSettings


class Made(NamedTuple):
    """A checked event on its way: to which destination, under which id, and as it will lie in Redis."""

    to: Destination
    id: str
    entry: Entry


class Preparer:
    """Turns lines into events that can be stored. `batches`: the caps of each destination."""

    def __init__(self, batches: Mapping[str, BatchSettings]) -> None:
        self._batches = batches

    def prepare(self, line: Line) -> Made:
        """Raises `InvalidEvent` with every fault, by field."""
        to = destination_named(line.destination)
        now = now_ms()
        prepared = to.prepare(line.account, line.event, line.id, now)
        made = entry(line.account, prepared, now)
        most = self._batches[to.name].max_bytes
        size = made.size - 1 + to.envelope_bytes(line.account, prepared.order, prepared.kind)
        if size > most:
            raise InvalidEvent([Fault("event", f"makes a request of {size} bytes alone; at most {most} are allowed")])
        return Made(to, prepared.id, made)
