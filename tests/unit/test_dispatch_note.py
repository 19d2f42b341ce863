"""The note that a task is under way ends with the task, whatever Redis's client makes of it."""

from __future__ import annotations

import asyncio
from typing import Any

from redis.exceptions import ConnectionError as Disconnected

from producers.keys import Slot
from worker.lifecycle.dispatch_note import DispatchNote


class Swallowing:
    """A client that takes its cancellation for a connection that broke, as redis-py's can while it connects."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()

    async def set(self, *_arguments: Any, **_options: Any) -> None:
        self.asked.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise Disconnected("it broke") from None

    async def delete(self, *_arguments: Any) -> None:
        return None


async def test_a_cancellation_that_is_swallowed_does_not_keep_the_task_for_ever() -> None:
    """It would renew the note for ever too, and no other task would be sent for the slot."""
    redis: Any = Swallowing()
    async with asyncio.timeout(5):
        async with DispatchNote(redis, Slot("p", "event-api", 0)):
            await redis.asked.wait()
