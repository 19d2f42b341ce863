"""Messages become events of the buffer; what holds no valid event becomes a dead letter of the queue `intake`.

Whoever took the messages from the broker may forget those that are done, and no other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from redis.exceptions import RedisError

from producers import EnqueueFailed, InvalidEvent, Producer
from producers.lines import Line, parse_line

Reject = Callable[[Sequence[tuple[bytes, InvalidEvent]]], object]


class Message(NamedTuple):
    """What a dead letter would keep of a message, and the line in it, or why there is none."""

    kept: bytes
    line: Line | InvalidEvent

    @classmethod
    def of(cls, body: bytes) -> Message:
        """A message whose body is a line, or should be."""
        try:
            return cls(body, parse_line(body))
        except InvalidEvent as error:
            return cls(body, error)


class Outcome(NamedTuple):
    """The places of the messages that the buffer has, dead letters included, and why it does not have the others."""

    done: list[int]
    failed: EnqueueFailed | RedisError | OSError | None = None


class HandOver:
    """Appends many messages at a time. `reject` keeps what is not valid, and returns when it is kept."""

    def __init__(self, producer: Producer, reject: Reject) -> None:
        self._producer = producer
        self._reject = reject

    def __call__(self, messages: Sequence[Message]) -> Outcome:
        """What became of the messages. An invalid one never comes back by itself; one that Redis refused shall."""
        errors = self._appended(messages)
        done = [place for place in range(len(messages)) if place not in errors]
        invalid = {place: error for place, error in errors.items() if isinstance(error, InvalidEvent)}
        failed = next((error for error in errors.values() if isinstance(error, EnqueueFailed)), None)
        if invalid:
            try:
                self._reject([(self._as_kept(messages[place]), error) for place, error in invalid.items()])
            except (RedisError, OSError) as error:
                return Outcome(done, error)
        return Outcome([*done, *invalid], failed)

    def _as_kept(self, message: Message) -> bytes:
        return self._producer.preparer.as_kept(message.kept)

    def _appended(self, messages: Sequence[Message]) -> dict[int, InvalidEvent | EnqueueFailed]:
        """Why a message was not appended, by its place."""
        errors: dict[int, InvalidEvent | EnqueueFailed] = {}
        lines: dict[int, Line] = {}
        for place, message in enumerate(messages):
            if isinstance(message.line, Line):
                lines[place] = message.line
            else:
                errors[place] = message.line
        for place, result in zip(lines, self._producer.enqueue_many(lines.values()), strict=True):
            if result.error:
                errors[place] = result.error
        return errors
