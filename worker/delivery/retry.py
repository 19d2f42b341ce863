"""When a batch is tried again, and until when an account waits. Pure: the jitter and the time are passed in."""

from __future__ import annotations

import math
from email.utils import parsedate_to_datetime
from typing import NamedTuple

from worker.buffer.batches import Batch


class RetryPolicy(NamedTuple):
    """Exponential backoff. `jitter`: the share of a delay that is left to chance, above `shortest_s`.

    With the defaults the delays of all attempts add up to about nine hours, so that six hours of Rokt's absence make
    no dead letter even for an account whose circuit never opens. Age counts from the first attempt.
    """

    shortest_s: float = 1.0
    first_s: float = 2.0
    factor: float = 2.0
    jitter: float = 1.0
    longest_s: float = 600.0
    max_attempts: int = 120
    max_age_s: float = 259_200.0

    def delay_ms(self, attempts: int, jitter: float) -> int:
        """The delay after that many attempts (1 and more), in milliseconds; `jitter` is within 0 and 1."""
        ceiling = min(self.longest_s, self.first_s * self.factor ** min(attempts - 1, 60))
        shortest = max(min(self.shortest_s, ceiling), ceiling * (1 - self.jitter))
        return round(1000 * (shortest + (ceiling - shortest) * jitter))

    def exhausted(self, batch: Batch) -> bool:
        """Whether the batch has had its last attempt. The probe of an open circuit spends none."""
        spent = batch.attempts >= self.max_attempts and not batch.probe
        return spent or batch.tried_for >= self.max_age_s * 1000


def retry_after_ms(text: str, now: int, longest_s: float) -> int:
    """The time that a `Retry-After` header gives, seconds or a date, from `now` (ms) on; 0 where it gives none.

    Source: RFC 9110, 10.2.3. A stranger's header holds nobody longer than `longest_s`.
    """
    try:
        seconds = float(text)
    except ValueError:
        seconds = _seconds_until(text, now)
    return round(1000 * min(max(seconds, 0.0), longest_s)) if math.isfinite(seconds) else 0


def _seconds_until(date: str, now: int) -> float:
    try:
        return parsedate_to_datetime(date).timestamp() - now / 1000
    except (ValueError, TypeError, IndexError, OverflowError):
        return 0.0
