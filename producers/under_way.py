"""Appends on one connection, which may leave before those ahead of them are answered."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from itertools import takewhile
from typing import NamedTuple

from producers.accepted import Told, fates
from producers.append import APPEND
from producers.connection import Connection
from producers.connection.conversation import Asked, Conversation
from producers.connection.resp import Command
from producers.effects import effect
from producers.errors import EnqueueFailed
from producers.preparer import Made

Called = tuple[Command, Sequence[int]]  # the call for some events of one slot, and which stands at which place of it


class _Begun(NamedTuple):
    """One call that has left, or is about to."""

    asked: Asked
    places: Sequence[int]
    effect: AbstractContextManager[None]


class UnderWay:
    """They reach Redis in the order in which they were begun, and are answered in it."""

    def __init__(
        self, connection: Connection, conversation: Conversation, called: Callable[[Sequence[Made]], Called]
    ) -> None:
        self._connection = connection
        self._conversation = conversation
        self._called = called
        self._begun: deque[_Begun] = deque()

    def begin(self, groups: Sequence[Sequence[Made]]) -> bool:
        """Writes a call for each group, of one slot each. Whether all has left; else `flush` waits until it has."""
        calls = [self._called(made) for made in groups]
        deadline = self._connection.deadline()
        for command, places in calls:
            surrounding = effect("append")
            surrounding.__enter__()
            self._begun.append(_Begun(self._conversation.ask([command], deadline, APPEND), places, surrounding))
        return self._conversation.send()

    def flush(self) -> None:
        """Waits, within the budget."""
        self._conversation.flush()

    def look(self) -> bool:
        """Takes what was answered so far, without waiting. Whether all has left that must."""
        self._conversation.look()
        return self._conversation.send()

    @property
    def arrived(self) -> int:
        """For how many `next` need not wait."""
        return sum(1 for _ in takewhile(lambda begun: not begun.asked.missing, self._begun))

    @property
    def broken(self) -> bool:
        """Whether no answer comes any more."""
        return self._conversation.broken is not None

    @property
    def spent(self) -> bool:
        """Whether nothing more is to be begun on this connection."""
        return self._conversation.spent

    @property
    def deadline(self) -> float:
        """By which `next` returns, in monotonic seconds."""
        return self._begun[0].asked.deadline

    def next(self) -> Told:
        """What became of the events of the call that was begun first; waits for it."""
        asked, places, surrounding = self._begun.popleft()
        answers = self._conversation.answers(asked)
        surrounding.__exit__(None, None, None)
        (told,) = self._connection.told(answers, self._conversation.broken, "")
        return told if isinstance(told, EnqueueFailed) else fates(told, places)

    def fileno(self) -> int:
        return self._conversation.fileno()

    def end(self) -> None:
        """Nothing more is begun, and nobody asks any more what became of what was."""
        self._conversation.end()
