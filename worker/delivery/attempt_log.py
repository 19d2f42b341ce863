"""One log line an attempt: numbers, codes and ids of requests. Never a message, an address or an event."""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from producers.destinations.outcomes import Delivered, Outcome
from worker.buffer.batches import Settlement
from worker.delivery.attempt import Attempt
from worker.logs import say_often

log = structlog.get_logger("forwarder.delivery")


def log_attempt(
    destination: str, attempt: Attempt, settlement: Settlement, outcome: Outcome, codes: Sequence[str], seconds: float
) -> None:
    """`codes`: by which it did not go well. `seconds`: from the start of the request to the end of its answer."""
    batch, dead = attempt.batch, len(settlement.dead)
    events = len(attempt.stored)
    fields = {
        "destination": destination,
        "batch": batch.id,
        "account": batch.account,
        "attempt": batch.attempts,
        "events": events,
        "delivered": settlement.delivered,
        "dead": dead,
        "again": events - settlement.delivered - dead,
        "status": attempt.status or None,
        "trace_id": attempt.trace_id or None,
        "codes": codes,
        "seconds": round(seconds, 4),
    }
    say_often(log, "info" if isinstance(outcome, Delivered) and not dead else "warning", "attempt", fields)
