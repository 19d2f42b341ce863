"""A producing process of `measure_outage`: single events and sessions in turn; each call is noted once it returned.

`python -m tests.spool.outage_shop NAME SECONDS RATE BOOK EVENT_ACCOUNT SESSION_ACCOUNT`. Lines of the book are JSON:
`{"id", "ms", "commit_ms", "fate"}` for a call, `{"maybe"}` for an event whose call to Redis got no answer.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import msgspec

from producers import EnqueueFailed, Producer
from producers.appender import RedisAppender
from producers.spool.file import SpoolFile
from producers.stored_event import payload_of
from tests.apis.support import booking, signal
from tests.spool.support import named

SESSIONS = 5
OF_A_SESSION = 200  # events; then another one begins
commit_s: list[float] = [0.0]


def main(name: str, seconds: str, rate: str, book: str, event_account: str, session_account: str) -> None:
    fd = os.open(book, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def note(line: dict[str, Any]) -> None:
        os.write(fd, msgspec.json.encode(line) + b"\n")

    _watch(note)
    producer = Producer.from_env()
    began, gap = time.monotonic(), 1 / float(rate)
    for number, (event_id, call) in enumerate(_calls(producer, name, event_account, session_account)):
        if time.monotonic() - began > float(seconds):
            break
        time.sleep(max(0.0, began + number * gap - time.monotonic()))
        note(_timed(event_id, call))
    producer.close()


def _timed(event_id: str, call: Callable[[], Any]) -> dict[str, Any]:
    commit_s[0] = 0.0
    started = time.monotonic()
    try:
        fate = str(call().fate)
    except EnqueueFailed as error:
        fate = f"failed: {error.reason}"
    took = time.monotonic() - started
    return {"id": event_id, "ms": took * 1000, "commit_ms": commit_s[0] * 1000, "fate": fate}


def _calls(
    producer: Producer, name: str, event_account: str, session_account: str
) -> Iterator[tuple[str, Callable[[], Any]]]:
    for number in count():
        event = booking(number) | {"clientEventId": f"{name}-{number}"}
        yield f"{name}-{number}", lambda event=event: producer.enqueue("event-api", account=event_account, event=event)  # type: ignore[misc]
        session = f"{name}s{number % SESSIONS}r{number // (SESSIONS * OF_A_SESSION)}"
        of_session = signal(session, number)
        yield (
            f"{session}/{number}",
            lambda event=of_session: producer.enqueue("server-events", account=session_account, event=event),  # type: ignore[misc]
        )


def _watch(note: Callable[[dict[str, Any]], None]) -> None:
    """How long the disk takes, and which events Redis may have executed after nobody listened any more."""
    write, append = SpoolFile.write, RedisAppender.append

    def timed(self: SpoolFile, records: Any) -> None:
        started = time.monotonic()
        write(self, records)
        commit_s[0] = time.monotonic() - started

    def noted(self: RedisAppender, made: Any) -> Any:
        try:
            return append(self, made)
        except EnqueueFailed as error:
            if error.maybe_accepted:
                for each in made:
                    note({"maybe": named(payload_of(each.entry.stored))})
            raise

    SpoolFile.write = timed  # type: ignore[method-assign]
    RedisAppender.append = noted  # type: ignore[method-assign]


if __name__ == "__main__":
    main(*sys.argv[1:])
