"""Commands on one connection, which may leave before those ahead of them are answered; and what became of each.

They are answered in the order in which they left. Of every command it is known whether it was answered, had wholly
left, or had not.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from contextlib import suppress
from enum import Enum
from functools import cache
from typing import Any

from redis.exceptions import NoScriptError, ReadOnlyError, RedisError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeout

from producers.connection.deadline_socket import NOT_NOW, BudgetSpent
from producers.connection.link import Link
from producers.connection.pool import Pool
from producers.connection.resp import Command
from producers.scripts import Script

_NO_WORDS = Command(0, b"")


class Silence(Enum):
    """No answer: the whole command has left and may have been executed, or it has not and surely was not."""

    SENT = True
    UNSENT = False


class Asked:
    """Commands that leave in one write. `answers`: Redis's errors and `Silence` among them; so many are `missing`."""

    __slots__ = ("again", "answers", "commands", "deadline", "missing", "script")

    def __init__(self, commands: Sequence[Command], deadline: float, script: Script | None) -> None:
        self.commands = commands
        self.deadline = deadline
        self.script = script
        self.answers: list[Any] = [None] * len(commands)
        self.missing = len(commands)
        self.again: frozenset[int] = frozenset()  # those that Redis did not know the script for


class Conversation:
    """On a connection of the pool, until `end`. `broken`: what broke it; there is silence from then on."""

    __slots__ = (
        "_expected",
        "_left",
        "_link",
        "_moved",
        "_pool",
        "_strange",
        "_teaching",
        "_unsent",
        "_until",
        "_written",
        "broken",
    )

    def __init__(self, pool: Pool, link: Link) -> None:
        self._pool = pool
        self._link = link
        self._expected: deque[tuple[Asked, int, int, int]] = deque()  # of each answer: whose, which, from byte, to byte
        self._unsent = b""
        self._written = self._left = 0  # bytes in all
        self._until = 0.0
        self._moved = self._strange = False  # it is a replica now; it said what no Redis that is in order says
        self._teaching = 0  # commands asked again, the first of them with the text of the script
        self.broken: Exception | None = None

    def ask(self, commands: Sequence[Command], deadline: float, script: Script | None = None) -> Asked:
        """Calls a script, with all words that follow its name, or asks anything else: with the next `send`."""
        asked = Asked(commands, deadline, script)
        name = _NO_WORDS if script is None else _name_of(script)
        self._write(asked, range(len(commands)), [each.after(name) for each in commands])
        return asked

    def send(self) -> bool:
        """Writes what goes without waiting. Whether that was all."""
        if self._unsent:
            self._send(waits=False)
        return not self._unsent

    def flush(self) -> None:
        """Waits until all has left, or the deadline of what was asked first and has no answer yet."""
        if not self.send():
            self._send(waits=True)

    def answers(self, asked: Asked) -> list[Any]:
        """Waits for them until its deadline; what is there then is still read."""
        while asked.missing:
            self.flush()
            if asked.missing:
                self._hear(waits=True)
        return asked.answers

    def look(self) -> None:
        """Takes what has been answered so far, without waiting."""
        with suppress(*NOT_NOW):
            while self._expected:
                self._hear(waits=False)

    def fileno(self) -> int:
        return self._link.fileno()

    @property
    def spent(self) -> bool:
        """Whether nothing more is to be asked on it, however much is still under way: the next one may do better."""
        return self.broken is not None or self._moved or self._strange

    def end(self) -> None:
        """The connection goes back, unless it is spent, or an answer is still under way that nobody else may read."""
        if not self.spent and not self._expected:
            self._pool.give_back(self._link)
            return
        self._pool.drop(self._link)
        if self._moved:  # the next one is to the new primary
            self._pool.drop_idle()
        elif is_late(self.broken) and not isinstance(self.broken, BudgetSpent):
            self._pool.suspect()

    def _write(self, asked: Asked, places: Iterable[int], texts: Sequence[bytes]) -> None:
        for place, text in zip(places, texts, strict=True):
            begin, self._written = self._written, self._written + len(text)
            self._expected.append((asked, place, begin, self._written))
        self._unsent = b"".join((self._unsent, *texts))
        self._until = asked.deadline

    def _send(self, *, waits: bool) -> None:
        if self.broken is not None:
            self._break(self.broken)
            return
        self._link.until(self._expected[0][0].deadline if waits else self._until)
        try:
            self._link.write(self._unsent, waits=waits)
        except (RedisError, OSError) as error:
            self._left += self._link.left
            if isinstance(error, BudgetSpent) and not waits:
                self._give_up_unsent(error)
            else:
                late = isinstance(error, BudgetSpent)  # for the rest, not for the beginning
                self._break(TimeoutError() if late else error)
        else:
            self._left += self._link.left
            self._unsent = self._unsent[self._link.left :]

    def _hear(self, *, waits: bool) -> None:
        asked, place, _, _ = self._expected[0]
        self._link.until(asked.deadline)
        try:
            answer = self._link.answer(waits=waits)
        except (RedisError, OSError) as error:
            if isinstance(error, NOT_NOW) and not waits:
                raise
            self._break(error)
            return
        self._expected.popleft()
        if place in asked.again:
            self._teaching -= 1
        elif isinstance(answer, NoScriptError) and asked.script is not None:
            self._ask_again(asked, place, asked.script)
            return
        asked.answers[place] = answer
        asked.missing -= 1
        if isinstance(answer, Exception):
            self._moved |= isinstance(answer, ReadOnlyError)
            self._strange |= not isinstance(answer, ResponseError)

    def _ask_again(self, asked: Asked, place: int, script: Script) -> None:
        """With the script's text, or by its name behind one that has it. Redis may forget it at any time."""
        asked.again |= {place}
        first = _name_of(script) if self._teaching else _text_of(script)
        self._teaching += 1
        self._write(asked, [place], [asked.commands[place].after(first)])

    def _give_up_unsent(self, error: Exception) -> None:
        """It is too late for what has not left. What has is answered, and what is there of it is read."""
        self.look()
        begun = [begin for _, _, begin, end in self._expected if end > self._left]
        if self.broken is not None or (begun and begun[0] < self._left):  # half of a command spoils all behind it
            self._break(self.broken or error)
            return
        while self._expected and self._expected[-1][3] > self._left:
            asked, place, _, _ = self._expected.pop()
            self._teaching -= place in asked.again
            asked.answers[place] = Silence.UNSENT
            asked.missing -= 1
        self._unsent, self._written = b"", self._left

    def _break(self, error: Exception) -> None:
        self.broken = error
        self._unsent = b""
        for asked, place, _, end in self._expected:
            asked.answers[place] = Silence(end <= self._left)
            asked.missing -= 1
        self._expected.clear()


def is_late(broken: Exception | None) -> bool:
    return isinstance(broken, (RedisTimeout, TimeoutError))


@cache
def _name_of(script: Script) -> Command:
    return Command.of(["EVALSHA", script.sha])


def _text_of(script: Script) -> Command:
    return Command.of(["EVAL", script.text])
