"""A shop as a process: `python -m tests.spool.a_shop MODE NAME [COUNT]`; it says `id EVENT FATE` for each.

MODE one: single events of `event-api`; many: fifty at a time; both make COUNT, or wait for a word and go on until they
are killed; sessions: two sessions in turn; idle: one event, then waits for the end of its standard input; fork: as
`idle`, and then a child that goes on while the parent has ended.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from itertools import count

from producers import Producer
from tests.spool.events import lines, of_session, one


def main(mode: str, name: str, most: str = "0") -> None:
    producer = Producer.from_env()
    if mode in ("one", "many") and most == "0":
        sys.stdin.readline()
    made = {"one": singles, "many": many, "sessions": sessions, "idle": idle, "fork": forked}[mode]
    for number, (event_id, fate) in enumerate(made(producer, name), 1):
        say(f"id {event_id} {fate}")
        if number == int(most):
            break
    if most != "0" or mode == "idle":
        sys.stdin.read()
    producer.close()


def say(line: str) -> None:
    os.write(1, f"{line}\n".encode())


def singles(producer: Producer, name: str) -> Iterator[tuple[str, str]]:
    for number in count():
        given = one(producer, f"{name}-{number}")
        yield given, given.fate


def many(producer: Producer, name: str) -> Iterator[tuple[str, str]]:
    for chunk in count():
        named = lines(chunk * 50, 50)
        for line in named:
            line["event"]["clientEventId"] = f"{name}-{line['event']['clientEventId']}"
        for result in producer.enqueue_many(named):
            if result.error:
                raise result.error
            yield result.id, str(result.fate)


def sessions(producer: Producer, name: str) -> Iterator[tuple[str, str]]:
    for number in count():
        for each in "ab":
            given = of_session(producer, f"{name}{each}", number)
            yield f"{name}{each}/{number}", given.fate


def idle(producer: Producer, name: str) -> Iterator[tuple[str, str]]:
    given = one(producer, name)
    yield given, given.fate


def forked(producer: Producer, name: str) -> Iterator[tuple[str, str]]:
    """The parent's file must be an orphan once the parent is gone, whatever its child still has open."""
    yield from idle(producer, f"{name}-parent")
    child = os.fork()
    if child == 0:
        yield from idle(producer, f"{name}-child")
        say(f"child {os.getpid()}")
        sys.stdin.read()
        producer.close()
        sys.exit(0)
    say(f"parent {os.getpid()}")
    os.waitpid(child, 0)


if __name__ == "__main__":
    main(*sys.argv[1:])
