"""One log line an attempt: numbers, codes and ids of requests. Never a message, an address or an event."""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from producers.destinations.outcomes import Delivered, Outcome
from worker.buffer.batches import Settlement
from worker.delivery.attempt import Attempt

log = structlog.get_logger("forwarder.delivery")


def log_attempt(
    destination: str, attempt: Attempt, settlement: Settlement, outcome: Outcome, codes: Sequence[str], seconds: float
) -> None:
    """`codes`: by which it did not go well. `seconds`: from the start of the request to the end of its answer."""
    level = log.info if isinstance(outcome, Delivered) and not settlement.dead else log.warning
    level(
        "attempt",
        destination=destination,
        batch=attempt.batch.id,
        account=attempt.batch.account,
        attempt=attempt.batch.attempts,
        events=len(attempt.stored),
        delivered=settlement.delivered,
        dead=len(settlement.dead),
        again=len(attempt.stored) - settlement.delivered - len(settlement.dead),
        status=attempt.status or None,
        trace_id=attempt.trace_id or None,
        codes=codes,
        seconds=round(seconds, 4),
    )
