"""The layout in Redis: the name of every key. Producers and workers share it; a change of it is a new `LAYOUT`.

All keys of one slot (a destination's shard) carry its tag in braces, so that one script may touch them all on a
cluster too. Accounts are spread over the shards of a destination.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple
from zlib import crc32

LAYOUT = 4


class Slot(NamedTuple):
    """One shard of one destination."""

    namespace: str
    destination: str
    shard: int

    @property
    def base(self) -> str:
        return f"{self.namespace}:{LAYOUT}:{{{self.destination}.{self.shard}}}:"

    def key(self, kind: str, name: str = "") -> str:
        return f"{self.base}{kind}:{name}" if name else self.base + kind

    @property
    def fixed(self) -> list[str]:
        """The keys that every script declares; those of accounts, order keys and batches are derived from the tag."""
        return list(_fixed(self))


@cache
def slot_named(namespace: str, destination: str, shard: int) -> Slot:
    """The same object each time: there are few slots, and every event asks for its own."""
    return Slot(namespace, destination, shard)


FIXED = (
    "meta",
    "accounts",
    "ledger",
    "ages",
    "aged",
    "held",
    "dispatched",
    "latest",
    "dead",
    "dead_ids",
    "dead_counts",
    "dead_expires",
)  # in the order of prelude.lua


@cache
def _fixed(slot: Slot) -> tuple[str, ...]:
    """There are few slots, and every call names these keys."""
    return tuple(slot.key(kind) for kind in FIXED)


def agreement_key(namespace: str) -> str:
    """Where the terms are noted that all keep to. Without a layout version in its name, since it says which it is."""
    return f"{namespace}:terms"


def terms(shards: int) -> str:
    """What producers and workers must agree on."""
    return f"layout {LAYOUT}, {shards} shards"


def disagreement(noted: str, shards: int) -> str:
    """Why the terms that the data in Redis was written by are not ours, and what to do."""
    ours = terms(shards)
    if noted.partition(",")[0] == ours.partition(",")[0]:
        return f"FORWARDER_SHARDS: the data in Redis has {noted}, here it is {ours}: it must say the same everywhere"
    return (
        f"the data in Redis has {noted}, this version writes {ours}: run the version that fits; "
        "or let that version drain, remove the key that ends with :terms, and then run this one everywhere"
    )


def shard_of(account: str, shards: int) -> int:
    """Which shard of its destination an account lives in."""
    return crc32(account.encode("utf-8", "surrogatepass")) % shards if shards > 1 else 0
