"""What a claim hands out. A leaf: pure data."""

from __future__ import annotations

from typing import Any, NamedTuple


class Batch(NamedTuple):
    """A claimed batch: the places `first` to `last` of the list `source`. Times in milliseconds; sizes in bytes."""

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
    token: str

    @classmethod
    def of(cls, row: list[Any], token: str) -> Batch:
        """From a row of the claim script, whose texts are bytes."""
        texts = [item.decode() if isinstance(item, bytes) else item for item in row]
        return cls._make([*texts[:5], *map(int, texts[5:]), token])


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
    """One event that becomes a dead letter: its id, its first code, and the stored event with this death in it."""

    id: str
    code: str
    stored: bytes


class Part(NamedTuple):
    """Events that are sent again as a batch of their own: places in the list, size in the request, delay in ms."""

    first: int
    last: int
    size: int
    delay_ms: int


class Settlement(NamedTuple):
    """How one attempt at a batch ended. Delivered, dead and again must make up the batch, or the script refuses it.

    `refund`: the attempt is not counted, where the whole batch is sent again; `renewed`: it becomes a new batch.
    """

    delivered: int
    dead: tuple[Death, ...] = ()
    again: tuple[Part, ...] = ()
    refund: bool = False
    renewed: bool = False
