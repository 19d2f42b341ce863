"""What really lies in Redis for one slot. Knows the layout, but none of the scripts."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from producers.keys import FIXED, Slot
from worker.buffer.tallies import counters

STATES = ("open", "ready", "waiting", "in_flight")
ENDS = ("delivered", "dead", "discarded")


class Seen(NamedTuple):
    """One batch as it lies in Redis, with its stored events."""

    id: str
    account: str
    order: str
    kind: str
    state: str
    events: int
    size: int
    oldest: int
    newest: int
    opened: int
    due: int
    attempts: int
    token: str
    source: str
    first: int
    last: int
    stored: list[bytes]


@dataclass
class Picture:
    """Everything of one slot at one instant. Accounts, order keys and ids are texts; letters keep their bytes."""

    destination: str = ""
    ledger: Counter[str] = field(default_factory=Counter)
    accounts: dict[str, float] = field(default_factory=dict)
    hashes: dict[str, dict[str, str]] = field(default_factory=dict)
    due: dict[str, dict[str, float]] = field(default_factory=dict)
    leases: dict[str, dict[str, float]] = field(default_factory=dict)
    orders: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    lists: dict[str, list[bytes]] = field(default_factory=dict)
    owners: dict[str, int] = field(default_factory=dict)
    batches: dict[str, Seen] = field(default_factory=dict)
    letters: dict[str, dict[str, bytes]] = field(default_factory=dict)
    dead_of: dict[str, dict[str, float]] = field(default_factory=dict)
    ids: dict[str, dict[bytes, bytes]] = field(default_factory=dict)
    replays: dict[str, Any] = field(default_factory=dict)
    stats: Counter[str] = field(default_factory=Counter)
    times: dict[str, float] = field(default_factory=dict)
    records: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    fixed: dict[str, Any] = field(default_factory=dict)
    keys: dict[str, int] = field(default_factory=Counter)

    def of_account(self, account: str) -> list[Seen]:
        return [batch for batch in self.batches.values() if batch.account == account]

    def in_state(self, state: str) -> int:
        return sum(batch.events for batch in self.batches.values() if batch.state == state)


_READ = {
    "meta": "HGETALL",
    "accounts": "ZRANGE",
    "ledger": "HGETALL",
    "ages": "ZRANGE",
    "aged": "HGETALL",
    "dead": "ZRANGE",
    "dead_ids": "ZRANGE",
    "dead_counts": "HGETALL",
    "dead_expires": "ZRANGE",
    "dead_of": "ZRANGE",
    "held": "ZRANGE",
    "latest": "HGETALL",
    "dispatched": "GET",
    "account": "HGETALL",
    "due": "ZRANGE",
    "leases": "ZRANGE",
    "order": "LRANGE",
    "batch": "HGETALL",
    "events": "LRANGE",
    "owners": "GET",
    "letter": "HGETALL",
    "ids": "HGETALL",
    "replays": "ZRANGE",
    "replay": "HGETALL",
    "aside": "ZRANGE",
    "replaying": "HGETALL",
    "stats": "HGETALL",
    "times": "ZRANGE",
    "record": "GET",
    "prints": "GET",
}
_ARGUMENTS = {"ZRANGE": (0, -1, "WITHSCORES"), "LRANGE": (0, -1)}


async def take_picture(redis: Any, slot: Slot) -> Picture:
    """Reads every key of the slot. A key of a kind that the layout does not know fails."""
    base = slot.base.encode()
    names = [key.removeprefix(base) for key in await redis.keys(base + b"*")]
    pipeline = redis.pipeline(transaction=False)  # a MULTI is refused when memory is full
    for name in names:
        command = _READ[name.partition(b":")[0].decode()]
        pipeline.execute_command(command, base + name, *_ARGUMENTS.get(command, ()))
    picture = Picture(slot.destination)
    for name, value in zip(names, await pipeline.execute(), strict=True):
        kind, _, rest = name.partition(b":")
        picture.keys[kind.decode()] += 1
        plain = _plain(_READ[kind.decode()], value)
        if kind in (b"replays", b"replay", b"aside", b"replaying"):
            picture.replays[name.decode()] = plain
        else:
            _note(picture, kind.decode(), rest, plain)
    picture.batches = {
        id_: _seen(id_, fields, picture.lists) for id_, fields in picture.fixed.pop("batches", {}).items()
    }
    return picture


def _plain(command: str, value: Any) -> Any:
    if command == "ZRANGE":
        pairs = (
            value if value and isinstance(value[0], (tuple, list)) else list(zip(value[::2], value[1::2], strict=True))
        )
        return {member: float(score) for member, score in pairs}
    if command == "HGETALL" and isinstance(value, list):
        return dict(zip(value[::2], value[1::2], strict=True))
    return value


def _texts(value: dict[bytes, Any]) -> dict[str, Any]:
    return {key.decode(): item.decode() if isinstance(item, bytes) else item for key, item in value.items()}


def _note(picture: Picture, kind: str, rest: bytes, value: Any) -> None:  # noqa: C901 - a table of kinds
    name = rest.decode()
    if kind == "ledger":
        picture.ledger.update({state: int(count) for state, count in _texts(value).items()})
    elif kind == "stats":
        picture.stats = counters(value)
    elif kind in ("accounts", "times"):
        setattr(picture, kind, _texts(value))
    elif kind == "record":
        picture.records[name] = [json.loads(line) for line in value.splitlines()]
    elif kind in FIXED:
        picture.fixed[kind] = value
    elif kind == "account":
        picture.hashes[name] = _texts(value)
    elif kind in ("due", "leases", "dead_of"):
        getattr(picture, kind)[name] = _texts(value)
    elif kind == "order":
        length, _, both = rest.partition(b":")
        account, order = both[: int(length)].decode(), both[int(length) + 1 :].decode()
        picture.orders[account, order] = [id_.decode() for id_ in value]
    elif kind in ("events", "ids"):
        (picture.lists if kind == "events" else picture.ids)[name] = value
    elif kind == "owners":
        picture.owners[name] = int(value)
    elif kind == "letter":
        picture.letters[name] = {key.decode(): item for key, item in value.items()}
    elif kind == "batch":
        picture.fixed.setdefault("batches", {})[name] = _texts(value)


def _seen(id_: str, fields: dict[str, str], lists: dict[str, list[bytes]]) -> Seen:
    source = fields.get("list", id_)
    first = int(fields.get("first", 0))
    last = int(fields.get("last", int(fields["events"]) - 1))
    return Seen(
        id=id_,
        account=fields["account"],
        order=fields.get("order", ""),
        kind=fields.get("kind", ""),
        state=fields.get("state", "open"),
        events=int(fields["events"]),
        size=int(fields["bytes"]),
        oldest=int(fields["oldest"]),
        newest=int(fields["newest"]),
        opened=int(fields["opened"]),
        due=int(fields["due"]),
        attempts=int(fields.get("attempts", 0)),
        token=fields.get("token", ""),
        source=source,
        first=first,
        last=last,
        stored=lists.get(source, [])[first : last + 1],
    )
