"""The queue on a broker that is a Redis. Each change is one script, so a message is in one place at every instant."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

from redis import Redis

from worker.connection.repeated import Repeated
from worker.effects import effect
from worker.intake.keys import QueueKeys

LEASE_MS = 15_000  # an append takes seconds at the most: each of its calls is bounded
MOST = 500  # messages in one take
MOST_BYTES = 4_000_000


class Counts(NamedTuple):
    """Messages in the queue, and those that a reader has taken from it and not handed over yet."""

    waiting: int
    taken: int


class RedisQueue:
    """A take is named by whoever asks for it, so that asking again does no harm when an answer was lost."""

    def __init__(self, redis: Redis, keys: QueueKeys) -> None:
        self._keys = keys
        self._take = script(redis, "take")
        self._give_back = script(redis, "give_back")
        self._restore = script(redis, "restore")
        self._count = script(redis, "count")
        self._waiting = Repeated(redis, [("EXISTS", *keys.lists)])

    def waits(self) -> bool:
        """Whether there is any message."""
        (lists,) = self._waiting.ask()
        if isinstance(lists, Exception):
            raise lists
        return bool(lists)

    def take(self, name: str, most: int = MOST) -> list[bytes]:
        """The oldest messages, the highest priority first; they are this take's until its lease is over."""
        keys = [self._keys.takes, self._keys.taken(name), *self._keys.lists]
        with effect("take"):
            taken: list[bytes] = self._take(keys, [name, LEASE_MS, most, MOST_BYTES])
        return taken

    def end(self, name: str, done: Sequence[int]) -> int:
        """Forgets the messages of a take at these places and gives back the others. Gives how many those were."""
        keys = [self._keys.takes, self._keys.taken(name), *self._keys.lists]
        with effect("end take"):
            return int(self._give_back(keys, [name, *done]))

    def restore(self) -> int:
        """Gives back what others had taken whose lease is over. Gives how many messages."""
        with effect("restore takes"):
            return int(self._restore([self._keys.takes, *self._keys.lists], [self._keys.taken("")]))

    def count(self) -> Counts:
        """At one instant. What kombu's transport had noted counts as taken."""
        unacked, _ = self._keys.noted
        return Counts(*self._count([self._keys.takes, unacked, *self._keys.lists], [self._keys.taken("")]))


def script(redis: Redis, name: str) -> Any:
    """A script of this package, to be called with keys and arguments; Redis is given it again where it forgot it."""
    return redis.register_script(_text(name))


@cache
def _text(name: str) -> str:
    """Read once: a worker that has nothing to do asks for it every second."""
    return files("worker.intake").joinpath("lua", f"{name}.lua").read_text("utf-8")
