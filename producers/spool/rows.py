"""How an event lies in the spool: its exact stored bytes, and beside them a map of all that its `Entry` says.

A map, so that an `Entry` that gains or loses a field still reads what an older or a newer version wrote.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from producers.append import Entry
from producers.destinations import DESTINATIONS
from producers.preparer import Made

OVERHEAD = 120  # bytes that SQLite takes for a row, about
WHY_LENGTH = 200
# What a field of `Entry` without a default is for an event that was spooled before there was this field.
SINCE: dict[str, Any] = {}


OrderKey = tuple[str, str, str]  # destination, account, order


class Record(NamedTuple):
    """The columns of an event. `lane`: its slot's destination and shard; `spooled_at` in milliseconds."""

    lane: str
    id: str
    head: bytes
    stored: bytes
    bytes: int
    spooled_at: int
    why: str


class Waiting(NamedTuple):
    """An event that waits in the file as number `n`; without `made` it cannot be read, for the reason `fault`.

    `order`: by which it is counted, even then.
    """

    n: int
    made: Made | None
    order: OrderKey | None
    fault: str = ""


def record(made: Made, lane: str, now: int, why: str) -> Record:
    fields = msgspec.structs.asdict(made.entry)
    stored = fields.pop("stored")
    head = msgspec.msgpack.encode({"destination": made.to.name, **fields})
    size = len(head) + len(stored) + OVERHEAD
    return Record(lane, made.id, head, stored, size, now, why[:WHY_LENGTH])


def waiting(n: int, event_id: str, head: bytes, stored: bytes) -> Waiting:
    try:
        return Waiting(n, _made(event_id, head, stored), order_of(head))
    except (msgspec.DecodeError, LookupError, TypeError, ValueError) as error:
        return Waiting(n, None, order_of(head), f"cannot be read: {error}")


def order_of(head: bytes) -> OrderKey | None:
    """None for an event without an order key, and for one that cannot be read."""
    try:
        told = msgspec.msgpack.decode(head, type=dict[str, Any])
        return (told["destination"], told["account"], told["order"]) if told["order"] else None
    except (msgspec.DecodeError, LookupError):
        return None


def _made(event_id: str, head: bytes, stored: bytes) -> Made:
    told = msgspec.msgpack.decode(head, type=dict[str, Any])
    to = DESTINATIONS.get(told.pop("destination"))
    if to is None:
        raise LookupError("this version does not know its destination")
    fields = Entry.__struct_fields__
    known = {name: told[name] for name in fields if name in told}
    entry = Entry(**{**{name: SINCE[name] for name in SINCE if name in fields}, **known, "stored": stored})
    return Made(to=to, id=event_id, entry=entry)
