"""Dead letters without a worker: what was enqueued dies, for a reason of the test's."""

from __future__ import annotations

from redis.asyncio import Redis

from producers.clock import now_ms
from producers.destinations import DESTINATIONS
from producers.destinations.outcomes import Reason
from producers.keys import Slot
from worker.buffer.batches import Limits, Settlement
from worker.buffer.buffer import Buffer
from worker.delivery.attempt import Attempt, bury


async def die(redis: Redis, prefix: str, destination: str = "event-api", code: str = "No", message: str = "no") -> int:
    """All that waits dies, as a worker lets it die. Gives how many events that were."""
    buffer, to, dead = Buffer(redis, Slot(prefix, destination, 0)), DESTINATIONS[destination], 0
    while claimed := await buffer.claim(Limits(60_000, 10, 10)):
        if not claimed.batches and claimed.next_due is None:
            return dead
        for batch in claimed.batches:  # they linger for a tenth of a second
            (stored,) = await buffer.read([batch])
            attempt = Attempt(batch, stored, to.event_id, now_ms(), 400, "trace", requested=True)
            deaths = bury(attempt, {place: (Reason(code, message),) for place in range(len(stored))})
            await buffer.settle(batch, Settlement(0, deaths))
            dead += len(deaths)
    raise AssertionError
