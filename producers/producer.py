"""What a shop's code calls: checks an event, makes its id and time once, and hands it to Redis in one round trip."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any

from producers.accepted import EventId
from producers.appender import Appender, RedisAppender
from producers.connection import Connection
from producers.destinations import DESTINATIONS
from producers.errors import InvalidEvent
from producers.lines import Line
from producers.many import Chunks, Result, result_of
from producers.preparer import Preparer
from producers.settings import (
    BatchSettings,
    BufferSettings,
    SpoolSettings,
    batch_settings,
    buffer_settings,
    spool_settings,
)


class Producer:
    """Enqueues single events. Safe to share between threads; connects at the first event, not before."""

    def __init__(
        self,
        buffer: BufferSettings,
        batches: Mapping[str, BatchSettings],
        connection: Connection | None = None,
        *,
        spool: SpoolSettings | None = None,
    ) -> None:
        self.preparer = Preparer(batches)
        self.appender: Appender = RedisAppender(buffer, batches, connection)
        if spool is not None:
            from producers.spool import spooling  # where there is none, nothing of it is loaded

            self.appender = spooling(self.appender, spool, buffer)

    @classmethod
    def from_env(cls, environ: Mapping[str, str] = os.environ) -> Producer:
        """From the variables of the README. Raises `ConfigurationError` that names the one at fault."""
        batches = {
            name: batch_settings(environ, name, max_events=to.max_events, max_bytes=to.max_bytes)
            for name, to in DESTINATIONS.items()
        }
        return cls(buffer_settings(environ), batches, spool=spool_settings(environ, batches))

    def enqueue(
        self,
        destination: str,
        *,
        account: str,
        event: Mapping[str, Any],
        id: str | None = None,  # noqa: A002 - the contract's word
    ) -> EventId:
        """Accepts one event, spelled as Rokt's document does, and gives its id.

        Raises `InvalidEvent` (every fault, by field; nothing was enqueued) or `EnqueueFailed` (with the id, and
        whether the event may have been accepted after all).
        """
        return self.enqueue_line(Line(destination=destination, account=account, event=event, id=id))

    def enqueue_line(self, line: Line) -> EventId:
        """The same for a line of `forwarder enqueue`."""
        made = self.preparer.prepare(line)
        (fate,) = self.appender.append([made])
        result = result_of(made, fate)
        if result.error:
            raise result.error
        return EventId(made.id, fate)

    def enqueue_many(self, lines: Iterable[Line | Mapping[str, Any]]) -> list[Result]:
        """Accepts many events, in as few round trips as their sizes allow; one result an event, in the same order.

        An event that is not valid is reported and the others go on. Once Redis fails, the rest is not tried.
        """
        chunks = Chunks(self.appender)
        for line in lines:
            try:
                made = self.preparer.prepare(Line.of(line))
            except InvalidEvent as error:
                chunks.refuse(error)
            else:
                chunks.add(made)
        return chunks.finish()

    def check(self, line: Line | Mapping[str, Any]) -> str:
        """Checks an event as `enqueue` would, without sending it; gives the id it has or would be given."""
        return self.preparer.prepare(Line.of(line)).id

    def close(self) -> None:
        self.appender.close()
