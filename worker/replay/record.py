"""What Redis knows of a replay: a hash in each slot that it touches, and a list of all of them.

`<slot>:replay:<id>` holds
    by, why, filter (while it runs) and told (what may be told of it; JSON both), created (ms), rate (letters a second),
    limit (0: none), chosen (letters that could go when it began), consent (1: it must be asked for), state, ended;
    bound (no newer letter is meant), round and at (where it stands: see replay.lua), aside:<account> (the last round in
    which letters of it were set aside);
    next (when the next letter may go by its rate, ms);
    moved, withheld, undecided, expired, gone (letters), unclear (numbers of those nobody decided on, the first hundred)
`<prefix>:replays` is a sorted set: id -> created.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple

from producers.keys import Slot
from worker.dead_letters.filter import Cursor, Filter

State = Literal["running", "paused", "cancelled", "done"]
STATES: tuple[State, ...] = ("running", "paused", "cancelled", "done")  # of several slots the first counts
KEPT_MS = 7 * 86_400_000  # that one is listed when it is over
COUNTS = ("chosen", "moved", "withheld", "undecided", "expired", "gone")


def new_id(now: int) -> str:
    """In the order of time, by the second."""
    return f"r-{datetime.fromtimestamp(now / 1000, UTC):%Y%m%d%H%M%S}-{secrets.token_hex(3)}"


def list_key(prefix: str) -> str:
    return f"{prefix}:replays"


def record_key(slot: Slot, replay: str) -> str:
    return slot.key("replay", replay)


class Record(NamedTuple):
    """One slot's part of a replay, as a runner reads it."""

    id: str
    state: str
    at: str
    in_passes: bool
    bound: str
    chosen: Filter
    rate: float
    asks_consent: bool
    next: float = 0.0

    @classmethod
    def of(cls, replay: str, fields: Mapping[bytes, bytes]) -> Record:
        texts = {name.decode(): value.decode() for name, value in fields.items()}
        return cls(
            replay,
            texts["state"],
            texts["at"],
            texts["round"] != "0",
            texts["bound"],
            Filter.from_json(texts["filter"]),
            float(texts["rate"]),
            texts["consent"] == "1",
            float(texts.get("next", 0)),
        )

    @property
    def behind(self) -> Cursor | None:
        """The last letter that was dealt with in this pass."""
        at, found, number = self.at.partition(":")
        return Cursor(int(at), number) if found else None


class Progress(NamedTuple):
    """A replay as people see it. Times in milliseconds; `filter`: what was chosen by; `rate`: letters a second.

    `chosen`: letters that could go when it began. Those that were `moved` are on their way or settled again;
    `withheld` were discarded without consent. The others stay: `undecided` (the consent callback raised), `expired`
    (too old by now, or before it began), `gone` (somebody else has dealt with them, or they grew too old meanwhile).
    When it is done, those chosen are those moved, withheld, undecided and gone.
    """

    id: str
    state: State
    by: str
    why: str
    created: int
    ended: int | None
    filter: dict[str, Any]
    limit: int
    rate: float
    chosen: int
    moved: int
    withheld: int
    undecided: int
    expired: int
    gone: int
    unclear: tuple[tuple[Slot, str], ...] = ()

    @property
    def is_over(self) -> bool:
        return self.state in ("done", "cancelled")

    @property
    def dealt_with(self) -> int:
        """Of those chosen."""
        return min(self.chosen, self.moved + self.withheld + self.undecided + self.gone)

    def shown(self) -> dict[str, Any]:
        """For JSON: all but the letters that nobody decided on."""
        return {name: value for name, value in self._asdict().items() if name != "unclear"}

    @classmethod
    def of(cls, replay: str, parts: Sequence[tuple[Slot, Mapping[bytes, bytes]]]) -> Progress:
        """From its hashes, of which there is at least one."""
        texts = [(slot, {name.decode(): value.decode() for name, value in fields.items()}) for slot, fields in parts]
        first = texts[0][1]
        states = {each["state"] for _, each in texts}
        state = next(each for each in STATES if each in states)
        counts = {name: sum(int(each[name]) for _, each in texts) for name in COUNTS}
        if state == "done":  # one that went before it was read was never counted
            rest = counts["chosen"] - counts["moved"] - counts["withheld"] - counts["undecided"]
            counts["gone"] = max(0, rest)
        ended = max(int(each.get("ended", 0)) for _, each in texts)
        return cls(
            id=replay,
            state=state,
            by=first["by"],
            why=first["why"],
            created=int(first["created"]),
            ended=ended if state in ("done", "cancelled") else None,
            filter=json.loads(first["told"]),
            limit=sum(int(each["limit"]) for _, each in texts),
            rate=sum(float(each["rate"]) for _, each in texts),
            unclear=tuple((slot, number) for slot, each in texts for number in each.get("unclear", "").split()),
            **counts,
        )
