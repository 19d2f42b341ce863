"""The way into Redis: one call of the `append` script for events of one slot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Protocol

from producers.accepted import Fate
from producers.append import APPEND, append_call
from producers.connection import Connection
from producers.effects import effect
from producers.errors import EnqueueFailed
from producers.keys import Slot, agreement_key, disagreement, shard_of, slot_named, terms
from producers.preparer import Made
from producers.scripts import load
from producers.settings import BatchSettings, BufferSettings

WITHHOLD = load("producers", "withhold")


class Appender(Protocol):
    """Takes checked events and says what became of each."""

    def slot_of(self, made: Made) -> Slot:
        """Where the event belongs; events of one slot may travel together."""

    def append(self, made: Sequence[Made]) -> list[Fate]:
        """The fate of each. All are of one slot. Raises `EnqueueFailed` if none of them is safe."""

    def withhold(self, made: Sequence[Made]) -> None:
        """Counts events of one slot that may not be sent as accepted and discarded, if it can; stores nothing."""

    def close(self) -> None: ...


class RedisAppender:
    """Appends to the open batches in Redis. Safe to share between threads; connects at the first event."""

    def __init__(
        self, buffer: BufferSettings, batches: Mapping[str, BatchSettings], connection: Connection | None = None
    ) -> None:
        self._buffer = buffer
        self._batches = batches
        self._agreed = ""
        self._connection = connection or Connection(buffer.redis_url, budget_s=buffer.enqueue_budget_ms / 1000)

    def slot_of(self, made: Made) -> Slot:
        return slot_named(self._buffer.key_prefix, made.to.name, shard_of(made.entry.account, self._buffer.shards))

    def append(self, made: Sequence[Made]) -> list[Fate]:
        event_id = made[0].id if len(made) == 1 else ""
        deadline = self._connection.deadline()
        self._agree(event_id, deadline)
        to = made[0].to
        entries = [each.entry for each in made]
        call = append_call(self.slot_of(made[0]), self._buffer, to, self._batches[to.name], entries)
        with effect("append"):
            answer = self._connection.run(APPEND, call.command, event_id, deadline)
        return fates(answer, call.places)

    def withhold(self, made: Sequence[Made]) -> None:
        """A count that Redis does not take is let go: what was never stored cannot be lost."""
        slot, deadline = self.slot_of(made[0]), self._connection.deadline()
        with suppress(EnqueueFailed), effect("withhold"):
            self._agree("", deadline)
            self._connection.run(WITHHOLD, [len(slot.fixed), *slot.fixed, len(made)], "", deadline)

    def close(self) -> None:
        self._connection.close()

    def _agree(self, event_id: str, deadline: float) -> None:
        """Once a process: whether the others write the same layout, over as many shards."""
        ours = terms(self._buffer.shards)
        if self._agreed != ours:
            with effect("agree"):
                noted = self._connection.agree(agreement_key(self._buffer.key_prefix), ours, event_id, deadline)
            if noted != ours:
                raise EnqueueFailed(disagreement(noted, self._buffer.shards), id=event_id, maybe_accepted=False)
            self._agreed = ours


def fates(answer: Any, places: Sequence[int]) -> list[Fate]:
    """What the script's answer says of each event, in the order in which they were given."""
    each = [Fate.BUFFERED] * len(places)
    if isinstance(answer, list):
        for place, word in zip(answer[1::3], answer[2::3], strict=True):
            each[places[place]] = Fate(word.decode())
    return each
