"""When a batch is tried again. Pure: the jitter is passed in."""

from __future__ import annotations

from typing import NamedTuple


class RetryPolicy(NamedTuple):
    """Exponential backoff with full jitter above `shortest_s`. The document asks for a first delay of 1 to 2 s.

    With the defaults the delays of all attempts add up to about nine hours, so that six hours of Rokt's absence make
    no dead letter.
    """

    shortest_s: float = 1.0
    first_s: float = 2.0
    longest_s: float = 600.0
    max_attempts: int = 120

    def delay_ms(self, attempts: int, jitter: float) -> int:
        """The delay after that many attempts (1 and more), in milliseconds; `jitter` is within 0 and 1."""
        ceiling = min(self.longest_s, self.first_s * 2.0 ** min(attempts - 1, 60))
        shortest = min(self.shortest_s, ceiling)
        return round(1000 * (shortest + (ceiling - shortest) * jitter))

    def exhausted(self, attempts: int) -> bool:
        """Whether the batch has had its last attempt."""
        return attempts >= self.max_attempts
