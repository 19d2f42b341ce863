"""The way into Redis: one call of the `append` script for events of one slot."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Protocol

from producers.accepted import Fate, Told, fates
from producers.append import APPEND, Head
from producers.connection import Connection
from producers.effects import effect
from producers.errors import EnqueueFailed
from producers.keys import Slot, agreement_key, disagreement, shard_of, slot_named, terms
from producers.preparer import Made
from producers.scripts import load
from producers.settings import BatchSettings, BufferSettings
from producers.under_way import Called, UnderWay

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


def append_each(appender: Appender, groups: Sequence[Sequence[Made]]) -> list[Told]:
    """Appends events of several slots: what became of each group, in as few round trips as the appender can.

    Once one failed, those that were not under way by then are not tried. An appender that can send several together has
    a method of this name.
    """
    together = getattr(appender, "append_each", None) if len(groups) > 1 else None
    told: list[Told] = one_by_one(appender.append, groups) if together is None else together(groups)
    return told


def one_by_one(append: Callable[[Sequence[Made]], list[Fate]], groups: Sequence[Sequence[Made]]) -> list[Told]:
    """A call for each group, until one fails."""
    told: list[Told] = []
    for place, made in enumerate(groups):
        try:
            told.append(append(made))
        except EnqueueFailed as error:
            not_tried = EnqueueFailed(error.reason, id="", maybe_accepted=False)
            return [*told, error, *[not_tried] * (len(groups) - place - 1)]
    return told


class RedisAppender:
    """Appends to the open batches in Redis. Safe to share between threads; connects at the first event."""

    def __init__(
        self, buffer: BufferSettings, batches: Mapping[str, BatchSettings], connection: Connection | None = None
    ) -> None:
        self._buffer = buffer
        self._batches = batches
        self._agreed = ""
        self._heads: dict[Slot, Head] = {}
        self._connection = connection or Connection(buffer.redis_url, budget_s=buffer.enqueue_budget_ms / 1000)

    def slot_of(self, made: Made) -> Slot:
        return slot_named(self._buffer.key_prefix, made.to.name, shard_of(made.entry.account, self._buffer.shards))

    def append(self, made: Sequence[Made]) -> list[Fate]:
        (told,) = self._appended([made], made[0].id if len(made) == 1 else "")
        if isinstance(told, EnqueueFailed):
            raise told
        return told

    def append_each(self, groups: Sequence[Sequence[Made]]) -> list[Told]:
        """As the function of this name: one script call a group, all in one write."""
        return self._appended(groups, "")

    def under_way(self) -> UnderWay | None:
        """For calls that leave while others are under way, and never wait; None unless they can begin at once."""
        agreed = self._agreed == terms(self._buffer.shards)
        conversation = self._connection.conversation_at_once() if agreed else None
        return None if conversation is None else UnderWay(self._connection, conversation, self._call)

    def _appended(self, groups: Sequence[Sequence[Made]], event_id: str) -> list[Told]:
        deadline = self._connection.deadline()
        try:
            self._agree(event_id, deadline)
        except EnqueueFailed as error:
            return [error] * len(groups)
        calls = [self._call(made) for made in groups]
        with effect("append"):
            answers = self._connection.run_each(APPEND, [command for command, _ in calls], event_id, deadline)
        return [
            answer if isinstance(answer, EnqueueFailed) else fates(answer, places)
            for answer, (_, places) in zip(answers, calls, strict=True)
        ]

    def _call(self, made: Sequence[Made]) -> Called:
        slot, to = self.slot_of(made[0]), made[0].to
        head = self._heads.get(slot)
        if head is None:
            head = self._heads[slot] = Head(slot, self._buffer, to, self._batches[to.name])
        call = head.call([each.entry for each in made])
        return head.command(call), call.places

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
