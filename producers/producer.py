"""What a shop's code calls: checks an event, makes its id and time once, and hands it to Redis in one round trip."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any

from producers.accepted import EventId
from producers.appender import Appender, RedisAppender
from producers.connection import Connection
from producers.consent import Consent, consent_named
from producers.destinations import DESTINATIONS
from producers.errors import EnqueueFailed, InvalidEvent
from producers.lines import Line
from producers.many import Chunks, Result, accepted
from producers.preparer import Preparer
from producers.privacy import Privacy
from producers.settings import (
    PATIENT,
    BatchSettings,
    BufferSettings,
    SpoolSettings,
    batch_settings,
    buffer_settings,
    consent_setting,
    privacy_settings,
    spool_settings,
)
from producers.withholding import WithholdingAppender


class Producer:
    """Enqueues single events. Safe to share between threads; connects at the first event, not before."""

    def __init__(
        self,
        buffer: BufferSettings,
        batches: Mapping[str, BatchSettings],
        connection: Connection | None = None,
        *,
        privacy: Privacy | None = None,
        consent: Consent | None = None,
        spool: SpoolSettings | None = None,
        appender: Appender | None = None,
    ) -> None:
        """`appender`: where events go, instead of the Redis of `buffer`."""
        store = appender or RedisAppender(buffer, batches, connection)
        if spool is not None and appender is None:
            from producers.spool import spooling  # where there is none, nothing of it is loaded

            store = spooling(store, spool, buffer)
        self.preparer = Preparer(batches, privacy, consent)
        self.appender: Appender = WithholdingAppender(store) if consent else store

    @classmethod
    def from_env(
        cls,
        environ: Mapping[str, str] = os.environ,
        *,
        consent: Consent | None = None,
        appender: Appender | None = None,
    ) -> Producer:
        """From the variables of the README. Raises `ConfigurationError` that names the one at fault.

        `consent(destination, account, event)`: whether an event may be sent; else what `FORWARDER_CONSENT` names.
        It is asked in the caller's thread, so it must not wait. `appender`: where events go instead of Redis.
        """
        batches = all_batch_settings(environ)
        return cls(
            buffer_settings(environ),
            batches,
            spool=spool_settings(environ, batches),
            privacy=privacy_settings(environ),
            consent=consent or _consent_of(environ),
            appender=appender,
        )

    @classmethod
    def patient(cls, environ: Mapping[str, str] = os.environ) -> Producer:
        """For commands and for the intake, which no checkout waits for: they have seconds, and may try again."""
        return cls.from_env({**PATIENT, **environ, "FORWARDER_SPOOL_DIR": ""})

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
        return accepted(made, fate)

    def enqueue_many(self, lines: Iterable[Line | Mapping[str, Any]]) -> list[Result]:
        """Accepts many events, in as few round trips as their sizes allow; one result an event, in the same order.

        An event that is not valid is reported and the others go on. Once Redis fails, the rest is not tried.
        """
        chunks = Chunks(self.appender)
        for line in lines:
            try:
                made = self.preparer.prepare_line(line)
            except InvalidEvent as error:
                chunks.refuse(Result("", error))
            except EnqueueFailed as error:
                chunks.refuse(Result(error.id, error))
            else:
                chunks.add(made)
        return chunks.finish()

    def check(self, line: Line | Mapping[str, Any]) -> str:
        """Checks an event as `enqueue` would, without sending it; gives the id it has or would be given."""
        return self.preparer.prepare_line(line).id

    def close(self) -> None:
        self.appender.close()


def all_batch_settings(environ: Mapping[str, str]) -> dict[str, BatchSettings]:
    """Of each destination, within its caps."""
    return {
        name: batch_settings(environ, name, max_events=to.max_events, max_bytes=to.max_bytes)
        for name, to in DESTINATIONS.items()
    }


def _consent_of(environ: Mapping[str, str]) -> Consent | None:
    path = consent_setting(environ)
    return consent_named(path, "FORWARDER_CONSENT") if path else None
