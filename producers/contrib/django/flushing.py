"""Sends what waits in the outbox. Rows are deleted after they were accepted, in the transaction that locks them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import msgspec
from django.db import connections, transaction
from django.db.models import F, Min

from producers.contrib.django.models import OutboxEvent
from producers.contrib.django.producer import get_producer
from producers.errors import EnqueueFailed, Fault, InvalidEvent
from producers.lines import Line
from producers.many import Chunks, Result
from producers.preparer import Made

CHUNK = 500


class Flushed(NamedTuple):
    """What became of the rows that were tried. `failure`: why Redis took no more, or nothing."""

    accepted: int = 0
    kept: int = 0
    failure: str = ""


def flush(using: str, *, chunk: int = CHUNK) -> Iterator[Flushed]:
    """Tries all that waits, the oldest first, in chunks; ends when Redis fails. Other flushers may run beside it."""
    last = 0
    while ids := list(_waiting(using).filter(pk__gt=last).values_list("pk", flat=True)[:chunk]):
        flushed = _flush(using, ids)
        yield flushed
        if flushed.failure:
            return
        last = ids[-1]


def flush_one(row: Any) -> Flushed:
    """Tries a row that was just committed, unless older ones of its order key wait: it leaves after them."""
    return _flush(row._state.db, [row.pk])  # noqa: SLF001 - where Django notes a row's database


def refused(using: str) -> Any:
    """The rows that cannot be sent as they are."""
    return OutboxEvent.objects.using(using).filter(refused=True).order_by("pk")


def _waiting(using: str) -> Any:
    return OutboxEvent.objects.using(using).filter(refused=False).order_by("pk")


def _flush(using: str, ids: Sequence[int]) -> Flushed:
    with transaction.atomic(using=using):
        rows = _in_turn(using, _locked(using, ids))
        sent = _Sending(rows)
        accepted = [row.pk for row, error in sent.ended() if error is None]
        OutboxEvent.objects.using(using).filter(pk__in=accepted).delete()
        for row, error in sent.ended():
            if error is not None:
                _note(using, row, error)
    return Flushed(len(accepted), len(rows) - len(accepted), sent.failure)


def _locked(using: str, ids: Sequence[int]) -> list[Any]:
    """Those that nobody else is sending now, where the database can tell."""
    skip = connections[using].features.has_select_for_update_skip_locked
    return list(_waiting(using).filter(pk__in=ids).select_for_update(skip_locked=skip))


def _in_turn(using: str, rows: Sequence[Any]) -> list[Any]:
    """Without the rows that another row of their order key, which is not here, must leave before."""
    keys = {row.order_key for row in rows if row.order_key}
    if not keys:
        return list(rows)
    here = [row.pk for row in rows]
    elsewhere = _waiting(using).filter(order_key__in=keys, pk__lt=max(here)).exclude(pk__in=here)
    earliest = dict(elsewhere.order_by().values_list("order_key").annotate(first=Min("pk")))
    return [row for row in rows if row.pk < earliest.get(row.order_key, row.pk + 1)]


class _Sending:
    """Rows on their way, as `enqueue_many` sends lines, with the times at which they were enqueued.

    `failure`: why Redis took no more, or nothing.
    """

    def __init__(self, rows: Sequence[Any]) -> None:
        self._rows = rows
        self._producer = get_producer()
        self._chunks = Chunks(self._producer.appender)
        self._held: dict[str, EnqueueFailed] = {}  # order keys that wait, since their oldest row could not be judged
        unsent = [self._add(row) for row in rows]
        self._results = self._chunks.finish()
        failures = [each.error for each, out in zip(self._results, unsent, strict=True) if not out]
        self.failure = next((each.reason for each in failures if isinstance(each, EnqueueFailed)), "")

    def ended(self) -> Iterator[tuple[Any, InvalidEvent | EnqueueFailed | None]]:
        """Each row, and why it was not accepted."""
        return ((row, result.error) for row, result in zip(self._rows, self._results, strict=True))

    def _add(self, row: Any) -> bool:
        """Whether the row stays here, whatever Redis does."""
        try:
            self._chunks.add(self._prepared(row))
        except (InvalidEvent, EnqueueFailed) as error:
            self._chunks.refuse(Result(row.event_id, error))
            if row.order_key and isinstance(error, EnqueueFailed):
                self._held[row.order_key] = error
            return True
        return False

    def _prepared(self, row: Any) -> Made:
        if row.order_key in self._held:
            raise self._held[row.order_key]
        line = Line(destination=row.destination, account=row.account, event=_event(row), id=row.event_id)
        return self._producer.preparer.prepare(line, row.made_at)


def _event(row: Any) -> Any:
    try:
        return msgspec.json.decode(row.event)
    except msgspec.DecodeError as error:
        raise InvalidEvent([Fault("event", f"is not JSON: {error}")]) from None


def _note(using: str, row: Any, error: InvalidEvent | EnqueueFailed) -> None:
    told = error.reason if isinstance(error, EnqueueFailed) else str(error)
    OutboxEvent.objects.using(using).filter(pk=row.pk).update(
        attempts=F("attempts") + 1, last_error=told, refused=isinstance(error, InvalidEvent)
    )
