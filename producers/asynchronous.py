"""The producer for asyncio: the same checks and the same way into Redis, and callers of one moment share a call.

Nothing here waits in the event loop (`producers/gathering.py`). While a call for a slot is under way, further events of
it gather and leave together in the next one. So order is kept, and many callers cost little more than one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

from producers.accepted import EventId
from producers.gathering import Gathering
from producers.lines import Line
from producers.many import Result, accepted
from producers.producer import Producer


class AsyncProducer:
    """`Producer` for coroutines: `await producer.enqueue(…)`. One for a process; `async with` closes it."""

    def __init__(self, producer: Producer) -> None:
        self._producer = producer
        self._gathered: Gathering | None = None

    @classmethod
    def from_env(cls, *environ: Mapping[str, str], **options: Any) -> AsyncProducer:
        """As `Producer.from_env`, with its arguments."""
        return cls(Producer.from_env(*environ, **options))

    async def enqueue(
        self,
        destination: str,
        *,
        account: str,
        event: Mapping[str, Any],
        id: str | None = None,  # noqa: A002 - the contract's word
    ) -> EventId:
        """As `Producer.enqueue`. Whoever is cancelled while the call is under way does not know whether it arrived."""
        made = self._producer.preparer.prepare(Line(destination=destination, account=account, event=event, id=id))
        return accepted(made, await self._gathering().append(made))

    async def enqueue_line(self, line: Line) -> EventId:
        """As `Producer.enqueue_line`."""
        made = self._producer.preparer.prepare(line)
        return accepted(made, await self._gathering().append(made))

    async def enqueue_many(self, lines: Iterable[Line | Mapping[str, Any]]) -> list[Result]:
        """As `Producer.enqueue_many`."""
        return await self._gathering().apart(lambda: self._producer.enqueue_many(lines))

    def check(self, line: Line | Mapping[str, Any]) -> str:
        """As `Producer.check`; it asks nobody."""
        return self._producer.check(line)

    async def close(self) -> None:
        """Waits for the calls under way."""
        gathered, self._gathered = self._gathered, None
        try:
            if gathered is not None and gathered.serves(asyncio.get_running_loop()):
                await gathered.close()
            elif gathered is not None:  # of a loop that was closed in the midst of calls, or of a parent
                gathered.leave()
        finally:
            self._producer.close()

    async def __aenter__(self) -> AsyncProducer:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def _gathering(self) -> Gathering:
        """Of the running loop of this process."""
        loop, gathered = asyncio.get_running_loop(), self._gathered
        if gathered is None or not gathered.serves(loop):
            if gathered is not None:
                gathered.leave()
            gathered = self._gathered = Gathering(self._producer.appender, loop)
        return gathered
