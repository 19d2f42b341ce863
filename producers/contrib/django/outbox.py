"""Writes events into the outbox, in the transaction of the caller."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Any

import msgspec
from django.db import DatabaseError, router, transaction

from producers.clock import now_ms
from producers.contrib.django.flushing import flush_one
from producers.contrib.django.models import OutboxEvent
from producers.contrib.django.on_commit import log
from producers.contrib.django.producer import get_producer
from producers.destinations import Whole
from producers.errors import ForwarderError
from producers.lines import Line
from producers.preparer import Made
from producers.stored_event import payload_of


def enqueue_in_outbox(
    destination: str,
    *,
    account: str,
    event: Mapping[str, Any],
    id: str | None = None,  # noqa: A002 - the contract's word
    using: str | None = None,
) -> str:
    """Checks the event and writes it into the outbox with the transaction of the database `using`; gives its id.

    Raises `InvalidEvent` at once, so that the transaction can be rolled back. After the commit it is tried to send it;
    whatever happens then, `manage.py forwarder_outbox` sends it later. What consent is refused for is not written.
    """
    now = now_ms()
    line = Line(destination=destination, account=account, event=event, id=id)
    made = get_producer().preparer.prepare(line, now)
    database = using or router.db_for_write(OutboxEvent)
    if made.withheld:
        transaction.on_commit(lambda: _count(made), using=database, robust=True)
    else:
        row = OutboxEvent.objects.using(database).create(
            event_id=made.id,
            destination=destination,
            account=account,
            order_key=_order_key(made),
            event=_said(made, timed="eventTime" in event),
            made_at=now,
        )
        transaction.on_commit(lambda: _try(row), using=database, robust=True)
    return made.id


def _order_key(made: Made) -> str:
    """A digest, so that a database can index it however long a session's id is."""
    entry = made.entry
    of = msgspec.json.encode((made.to.name, entry.account, entry.order))
    return sha256(of).hexdigest() if entry.order else ""


def _said(made: Made, *, timed: bool) -> str:
    """The event as it was checked; without a time that was made here, so that a second one is known as the same."""
    entry = made.entry
    event = made.to.event_of(payload_of(entry.stored), Whole(entry.account, entry.order, entry.kind))
    if not timed:
        event.pop("eventTime", None)
    return msgspec.json.encode(event).decode()


def _try(row: Any) -> None:
    try:
        tried = flush_one(row)
    except (ForwarderError, DatabaseError) as error:  # a database's own words may hold what is in the row
        log.warning("event %s waits in the outbox: %s", row.event_id, type(error).__name__)
    else:
        if tried.kept:
            log.warning("event %s stays in the outbox: %s", row.event_id, tried.failure or "its last_error says why")


def _count(made: Made) -> None:
    get_producer().appender.append([made])
