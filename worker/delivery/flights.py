"""The attempts of one delivery that are under way, each a task of its own, and the wait for those that end."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator

AT_ONCE = 64  # ended: so many are worth a round trip, however many more are under way
GATHER_S = 0.004  # until those that end soon after the first have ended too


class Flights:
    """A round trip to Redis costs as much as some requests, so those that end together are settled together.

    Where few are under way each is settled at once. Nothing here looks at all of them: there may be a thousand.
    """

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()
        self._landed = 0
        self._waiter: asyncio.Future[None] | None = None
        self._gathering: asyncio.TimerHandle | None = None
        self._surprise: BaseException | None = None

    def __len__(self) -> int:
        return len(self._tasks)

    def __iter__(self) -> Iterator[asyncio.Task[None]]:
        return iter(self._tasks)

    def begin(self, attempt: Coroutine[object, object, None]) -> None:
        task = asyncio.create_task(attempt)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def forget_landed(self) -> None:
        """Those that ended so far are being settled."""
        self._landed = 0

    async def some_landed(self, within_s: float) -> None:
        """Until some ended, or the time is over. All that began have made their first step then.

        Raises what an attempt raised.
        """
        if self._enough():
            await asyncio.sleep(0)
        else:
            await self._wait(within_s)
        self.check()

    def check(self) -> None:
        """Raises what an attempt raised."""
        if self._surprise:
            raise self._surprise

    async def _wait(self, within_s: float) -> None:
        loop = asyncio.get_running_loop()
        waiter = self._waiter = loop.create_future()
        timer = loop.call_later(min(within_s, GATHER_S) if self._landed else within_s, self._wake)
        try:
            await waiter
        finally:
            self._waiter = None
            timer.cancel()
            if self._gathering:
                self._gathering.cancel()
                self._gathering = None

    def _enough(self) -> bool:
        """Waiting for more is worth it as long as many more are on their way."""
        return self._landed > 0 and self._landed >= min(AT_ONCE, len(self._tasks) // 4)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._landed += 1
        if not task.cancelled() and task.exception():
            self._surprise = task.exception()
        if self._waiter is None:
            return
        if self._surprise or self._enough():
            self._wake()
        elif self._landed == 1:
            self._gathering = asyncio.get_running_loop().call_later(GATHER_S, self._wake)

    def _wake(self) -> None:
        if self._waiter and not self._waiter.done():
            self._waiter.set_result(None)
