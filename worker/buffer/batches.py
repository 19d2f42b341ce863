"""What a claim hands out. A leaf: pure data."""

from __future__ import annotations

from enum import IntFlag, StrEnum
from typing import Any, NamedTuple

SMALLEST_FIRST = -1


class Batch(NamedTuple):
    """A claimed batch: the places `first` to `last` of the list `source`. Times in milliseconds; sizes in bytes.

    `tried_for`: since its first attempt. `probe`: 1 if an open circuit lets only this one through.
    `sent`: 1 if it was sent and no answer told what became of it.
    """

    id: str
    account: str
    order: str
    kind: str
    source: str
    first: int
    last: int
    events: int
    size: int
    oldest: int
    newest: int
    attempts: int
    opened: int
    tried_for: int
    probe: int
    sent: int
    token: str

    @classmethod
    def of(cls, row: list[Any], token: str) -> Batch:
        """From a row of the claim script, whose texts are bytes."""
        id_, account, order, kind, source, *numbers = row
        texts = (id_.decode(), account.decode(), order.decode(), kind.decode(), source.decode())
        return cls._make((*texts, *map(int, numbers), token))


class Limits(NamedTuple):
    """What a claim may hand out: for how long, how many batches in all, and how many of one account at a time.

    `spacing_ms`: between two requests; 0 where the rate is free. `together`: limits of an account are for all accounts.
    """

    lease_ms: int
    most: int
    most_an_account: int
    spacing_ms: int = 0
    together: bool = False


class Claimed(NamedTuple):
    """The answer of a claim. `next_due`: when more may be claimed (Redis's clock, ms), or None if nothing waits."""

    batches: list[Batch]
    next_due: int | None
    now: int

    @property
    def more_is_due(self) -> bool:
        return self.next_due is not None and self.next_due <= self.now


class Death(NamedTuple):
    """One event that becomes a dead letter: its id, its first code, its time in milliseconds.

    `stored`: the event with this death in its history.
    """

    id: str
    code: str
    event_time: int
    stored: bytes


class Part(NamedTuple):
    """Events that are sent again as a batch of their own: places in the list, size in the request, delay in ms.

    A delay of 0 keeps the place in the line of the batch they come from; `SMALLEST_FIRST` goes before whole batches.
    """

    first: int
    last: int
    size: int
    delay_ms: int


class Verdict(StrEnum):
    """What an attempt says of its account and of the API, beyond its own batch. See standing.lua."""

    NOTHING = ""
    TAKEN = "taken"
    REFUSED = "refused"
    LIMITED = "limited"
    PARKED = "parked"
    ANSWERED = "answered"
    FAILED = "failed"


class Noted(NamedTuple):
    """What is kept of an attempt beside what came of it. See record.lua and tally.lua.

    `told`: for the batch's record, a JSON object as text, or nothing. `status`: of the answer; 0 if none came, -1 where
    no request was made. `request_ms`: how long it took; `sent`: events in it; `waited_ms`: for its place in the rate.
    `prints`: of all events of the batch, 8 bytes each, where they went different ways.
    """

    told: bytes = b""
    status: int = -1
    request_ms: int = 0
    sent: int = 0
    waited_ms: int = 0
    prints: bytes = b""


class Settlement(NamedTuple):
    """How one attempt at a batch ended. Delivered, dead and again must make up the batch, or the script refuses it.

    `refund`: the attempt is not counted, where the whole batch is sent again; `renewed`: its parts begin anew.
    `hold_ms`: of a limited account, 0 where the API gave no time. `reason`: of a hold or of parking, in words.
    `credentials`: the print of those that were used. `reached`: whether the API itself was asked.
    """

    delivered: int
    dead: tuple[Death, ...] = ()
    again: tuple[Part, ...] = ()
    refund: bool = False
    renewed: bool = False
    verdict: Verdict = Verdict.NOTHING
    hold_ms: int = 0
    reason: str = ""
    credentials: str = ""
    reached: bool = True
    noted: Noted = Noted()


class Bounds(NamedTuple):
    """What a settlement may set off. Delays in ms; `failures` of 0: no circuit, `most_dead` of 0: any number.

    `records_ms`: how long the record of a batch is kept after its last entry; 0: there are none.
    """

    failures: int = 20
    first_ms: int = 5_000
    longest_ms: int = 60_000
    most_dead: int = 0
    records_ms: int = 0


class Settled(IntFlag):
    """What a settlement did. `STALE`: the lease was over and another worker has the batch; nothing was changed."""

    STALE = 0
    DONE = 1
    PUT_BACK = 2
    CIRCUIT_OPENED = 4
    ACCOUNT_PARKED = 8


class Room(NamedTuple):
    """Batches of replays that may be on their way at a time: of an account, and in the slot. 0: any number."""

    of_an_account: int = 0
    in_all: int = 0
