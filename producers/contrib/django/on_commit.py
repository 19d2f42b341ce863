"""An event that leaves when the transaction around it is committed, and not otherwise."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from django.db import transaction

from producers.contrib.django.producer import get_producer
from producers.errors import ForwarderError
from producers.lines import Line
from producers.many import accepted
from producers.preparer import Made

log = logging.getLogger("producers.contrib.django")


def enqueue_on_commit(
    destination: str,
    *,
    account: str,
    event: Mapping[str, Any],
    id: str | None = None,  # noqa: A002 - the contract's word
    using: str | None = None,
) -> str:
    """Checks the event now, sends it once the transaction of the database `using` is committed; gives its id.

    Raises `InvalidEvent` at once, so that the transaction can be rolled back. What goes wrong after the commit is
    logged and breaks nothing else: a process that dies there, or a Redis that is away, loses the event. See
    `enqueue_in_outbox` for those that must not be lost.
    """
    made = get_producer().preparer.prepare(Line(destination=destination, account=account, event=event, id=id))
    transaction.on_commit(lambda: _send(made), using=using, robust=True)
    return made.id


def _send(made: Made) -> None:
    try:
        (fate,) = get_producer().appender.append([made])
        accepted(made, fate)
    except ForwarderError as error:
        log.error("%s for %s of account %s was not sent: %s", made.id, made.to.name, made.entry.account, error)
