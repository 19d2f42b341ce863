"""What a worker writes, a full Redis takes too: else it could never be emptied. Producers are refused meanwhile.

Redis refuses every command that may need memory once `maxmemory` is reached, but runs a script that says it may. So a
worker's few small writes (messages of Celery, notes, signs of life, tokens) travel as such a script, on the wire alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

SCRIPT = "#!lua flags=allow-oom\nreturn redis.call(ARGV[1], KEYS[1], unpack(ARGV, 2))"
GROWING = frozenset({"HSET", "LPUSH", "RPUSH", "SADD", "SET", "ZADD"})  # those that celery, kombu and we use


def allowed(command: tuple[Any, ...]) -> tuple[Any, ...]:
    """The command, as a script if a full Redis would refuse it. Its answer is the same."""
    name, *arguments = command
    if name not in GROWING or not arguments:
        return command
    return ("EVAL", SCRIPT, 1, arguments[0], name, *arguments[1:])


class WritesWhenFull:
    """To be mixed into a connection of redis-py, of either kind."""

    def send_command(self, *command: Any, **options: Any) -> Any:
        return super().send_command(*allowed(command), **options)  # type: ignore[misc]  # of what it is mixed into

    def pack_commands(self, commands: Iterable[tuple[Any, ...]]) -> Any:
        return super().pack_commands([allowed(tuple(command)) for command in commands])  # type: ignore[misc]
