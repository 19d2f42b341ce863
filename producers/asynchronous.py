"""The producer for asyncio: the same checks and the same way into Redis, and callers of one moment share a call.

A call to Redis runs in a thread, so nothing here waits in the event loop; while it is under way, further events gather
and leave together in the next one, those of several slots in one write. So order is kept, and many callers cost little
more than one.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple, TypeVar

from producers.accepted import EventId, Fate
from producers.appender import Appender, Told, append_each
from producers.errors import EnqueueFailed
from producers.keys import Slot
from producers.lines import Line
from producers.many import CHUNK_BYTES, CHUNK_EVENTS, Result, accepted
from producers.preparer import Made
from producers.producer import Producer

THREADS_FOR_MANY = 2
Answer = TypeVar("Answer")


class AsyncProducer:
    """`Producer` for coroutines: `await producer.enqueue(…)`. One for a process; `async with` closes it."""

    def __init__(self, producer: Producer) -> None:
        self._producer = producer
        self._gathered: _Gathering | None = None

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
        return await self.enqueue_line(Line(destination=destination, account=account, event=event, id=id))

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
        if gathered is not None:
            await gathered.close()
        self._producer.close()

    async def __aenter__(self) -> AsyncProducer:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def _gathering(self) -> _Gathering:
        """Of the running loop of this process: another loop, or a fork, begins anew."""
        here = (os.getpid(), asyncio.get_running_loop())
        gathered = self._gathered
        if gathered is None or gathered.here != here:
            gathered = self._gathered = _Gathering(self._producer.appender, here)
        return gathered


class _Waiting(NamedTuple):
    """An event, and who waits for its fate."""

    made: Made
    fate: asyncio.Future[Fate]


class _Gathering:
    """The events that wait for a call. At most one is under way: for all slots, since each costs a thread's turn."""

    def __init__(self, appender: Appender, here: tuple[int, asyncio.AbstractEventLoop]) -> None:
        self.here = here
        self._loop = here[1]
        self._appender = appender
        self._waiting: list[_Waiting] = []
        self._calling: asyncio.Task[None] | None = None  # under way, or about to be
        self._apart: set[asyncio.Future[Any]] = set()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="forwarder-producer")
        self._long = ThreadPoolExecutor(THREADS_FOR_MANY, thread_name_prefix="forwarder-many")

    def append(self, made: Made) -> asyncio.Future[Fate]:
        """The event's fate, or `EnqueueFailed`."""
        fate: asyncio.Future[Fate] = self._loop.create_future()
        self._waiting.append(_Waiting(made, fate))
        if self._calling is None:
            self._calling = self._loop.create_task(self._empty())
        return fate

    async def apart(self, call: Callable[[], Answer]) -> Answer:
        """A long call, in a thread that nobody else waits for."""
        under_way = self._loop.run_in_executor(self._long, call)
        self._apart.add(under_way)
        under_way.add_done_callback(self._apart.discard)
        return await under_way

    async def close(self) -> None:
        if under_way := {*([self._calling] if self._calling else []), *self._apart}:
            await asyncio.wait(under_way)
        self._thread.shutdown(wait=False)
        self._long.shutdown(wait=False)

    async def _empty(self) -> None:
        """Calls until nobody waits any more."""
        try:
            while waiting := [each for each in self._waiting if not each.fate.done()]:
                fit = _fitting(waiting)
                self._waiting = waiting[fit:]
                await self._send(waiting[:fit])
            self._waiting = []
        finally:
            self._calling = None

    async def _send(self, chunk: Sequence[_Waiting]) -> None:
        by_slot: dict[Slot, list[_Waiting]] = {}
        for each in chunk:
            by_slot.setdefault(self._appender.slot_of(each.made), []).append(each)
        groups = [[each.made for each in group] for group in by_slot.values()]
        try:
            answers = await self._loop.run_in_executor(self._thread, append_each, self._appender, groups)
        except BaseException as error:
            for each in chunk:
                _fail(each, error)
            if not isinstance(error, Exception):
                raise
        else:
            for group, told in zip(by_slot.values(), answers, strict=True):
                _tell(group, told)


def _tell(group: Sequence[_Waiting], told: Told) -> None:
    """To each what became of its event."""
    if isinstance(told, EnqueueFailed):
        for each in group:
            _fail(each, EnqueueFailed(told.reason, id=each.made.id, maybe_accepted=told.maybe_accepted))
        return
    for each, fate in zip(group, told, strict=True):
        if not each.fate.done():  # whoever was cancelled asks no more
            each.fate.set_result(fate)


def _fitting(waiting: Sequence[_Waiting]) -> int:
    """How many of them travel in one call: always one, however large."""
    size = 0
    for place, each in enumerate(waiting[:CHUNK_EVENTS]):
        size += each.made.entry.size
        if size > CHUNK_BYTES and place:
            return place
    return min(len(waiting), CHUNK_EVENTS)


def _fail(waiting: _Waiting, error: BaseException) -> None:
    if not waiting.fate.done():
        waiting.fate.set_exception(error)
