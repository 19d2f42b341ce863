"""The events of many coroutines of one loop: those of one moment leave together, in their order.

Where the appender can write a call without waiting, that happens in the loop itself, and so are answers read. Of each
slot one call is under way, so order is kept, and Redis works for one while the events of another are prepared. Whatever
must wait (for a connection, for a spool, for room on the wire) does so in a thread.
"""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice
from time import monotonic
from typing import Any, TypeVar

from producers.accepted import Fate, Told
from producers.appender import Appender, append_each
from producers.keys import Slot
from producers.many import CHUNK_BYTES, CHUNK_EVENTS
from producers.preparer import Made
from producers.under_way import UnderWay
from producers.waiting import Call, Waiting, fitting

THREADS_FOR_MANY = 2
FEW_EVENTS = 16  # fewer leave, and are told, when all that is under way is answered: each turn has its price
Answer = TypeVar("Answer")


class Gathering:
    """The events that wait for a call, and the calls that are under way."""

    def __init__(self, appender: Appender, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._process = os.getpid()
        self._appender = appender
        self._waiting: dict[Slot, list[Waiting]] = {}
        self._due = False  # a look at them comes soon
        self._way: UnderWay | None = None
        self._opens: Callable[[], UnderWay | None] | None = getattr(appender, "under_way", None)
        self._begun: deque[Call] = deque()  # on that way
        self._busy: set[Slot] = set()  # those of the calls that were begun
        self._events = self._bytes = 0  # in them
        self._timer: asyncio.TimerHandle | None = None
        self._in_thread = False  # the call that is under way
        self._quiet: asyncio.Future[None] | None = None
        self._apart: set[asyncio.Future[Any]] = set()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="forwarder-producer")
        self._long = ThreadPoolExecutor(THREADS_FOR_MANY, thread_name_prefix="forwarder-many")

    def serves(self, loop: asyncio.AbstractEventLoop) -> bool:
        """Another loop, or a fork, begins anew."""
        return loop is self._loop and os.getpid() == self._process

    def append(self, made: Made) -> asyncio.Future[Fate]:
        """The event's fate, or `EnqueueFailed`."""
        fate: asyncio.Future[Fate] = self._loop.create_future()
        self._waiting.setdefault(self._appender.slot_of(made), []).append((made, fate))
        self._go_soon()
        return fate

    async def apart(self, call: Callable[[], Answer]) -> Answer:
        """A long call, in a thread that nobody else waits for."""
        under_way = self._loop.run_in_executor(self._long, call)
        self._apart.add(under_way)
        under_way.add_done_callback(self._apart.discard)
        return await under_way

    async def close(self) -> None:
        """Waits for the calls under way."""
        while self._waiting or self._begun or self._in_thread:
            self._quiet = self._loop.create_future()
            await self._quiet
        self._rest()
        if self._apart:
            await asyncio.wait(self._apart)
        self._thread.shutdown(wait=False)
        self._long.shutdown(wait=False)

    def leave(self) -> None:
        """Gives up what is of a loop that was closed and reads nothing any more; a parent's is left alone."""
        if not self._loop.is_closed() or os.getpid() != self._process:
            return
        if self._way is not None:
            self._way.end()
        self._thread.shutdown(wait=False)
        self._long.shutdown(wait=False)

    def _go_soon(self) -> None:
        """When all who can speak now have spoken."""
        if not self._due:
            self._due = True
            self._loop.call_soon(self._go)

    def _go(self) -> None:
        """Begins what may leave now. The connection is kept while there is something to say."""
        self._due = False
        if self._in_thread:
            return
        if self._way is not None and self._way.spent:
            if self._begun:
                return  # they are answered first
            self._rest()
        if calls := self._next():
            self._begin(calls)
        elif not self._begun and not self._waiting:
            self._rest()

    def _next(self) -> list[Call]:
        """A call of each slot of which none is under way, if it is worth a write and has room beside the others."""
        calls = list[Call]()
        free = [each for each in self._waiting if each not in self._busy]
        if self._busy and sum(len(self._waiting[each]) for each in free) < FEW_EVENTS:
            return calls
        for slot in free:
            waiting = [each for each in self._waiting[slot] if not each[1].done()]  # the others were cancelled
            fit, size = fitting(waiting, CHUNK_EVENTS - self._events, CHUNK_BYTES - self._bytes)
            if waiting and not fit:
                if self._busy:
                    break  # nor may those behind it overtake it for ever
                fit, size = 1, waiting[0][0].entry.size  # always one, however large
            del self._waiting[slot]
            if waiting[fit:]:
                self._waiting[slot] = waiting[fit:]  # behind the others
            if fit:
                calls.append(Call(slot, waiting[:fit], size))
                self._note(calls[-1], 1)
        return calls

    def _note(self, call: Call, more: int) -> None:
        """A call begins (1), or is over (-1)."""
        self._events += more * len(call.waiting)
        self._bytes += more * call.size
        self._busy ^= {call.slot}

    def _begin(self, calls: Sequence[Call]) -> None:
        made = [call.made for call in calls]
        try:
            way = self._way or self._opened()
            if way is None:
                answer = self._loop.run_in_executor(self._thread, append_each, self._appender, made)
                self._in_thread = True
                answer.add_done_callback(partial(self._answered, calls))
                return
            whole = way.begin(made)
        except BaseException as error:
            self._give_up(calls, error)
            if not isinstance(error, Exception):
                raise
            return
        self._begun.extend(calls)
        self._heard(way) if whole else self._flush(way)

    def _opened(self) -> UnderWay | None:
        way = self._opens() if self._opens is not None else None
        if way is None:
            return None
        try:
            self._loop.add_reader(way.fileno(), self._look)
        except NotImplementedError:  # of loops on Windows
            way.end()
            self._opens = None
            return None
        self._way = way
        return way

    def _look(self) -> None:
        if self._way is not None:
            if self._way.look():
                self._heard(self._way)
            else:
                self._flush(self._way)

    def _late(self) -> None:
        """The deadline of what was begun first is over; what is there is still read."""
        if self._way is not None:
            self._tell([self._way.next()])
            self._heard(self._way)

    def _heard(self, way: UnderWay) -> None:
        """Tells what is known by now, unless it is little and more is to come; and waits for the rest."""
        arrived = way.arrived
        few = sum(len(call.waiting) for call in islice(self._begun, arrived)) < FEW_EVENTS
        if arrived and (not few or arrived == len(self._begun)):
            self._tell([way.next() for _ in range(arrived)])
        if way.broken:
            self._rest()
        self._time(way)

    def _tell(self, told: Sequence[Told]) -> None:
        """Of those that were begun first. They may speak again before there is another look at who waits."""
        for each in told:
            call = self._begun.popleft()
            self._note(call, -1)
            call.tell(each)
        self._go_soon()

    def _time(self, way: UnderWay) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_later(way.deadline - monotonic(), self._late) if self._begun else None

    def _flush(self, way: UnderWay) -> None:
        """There is no room on the wire: it is waited for in the thread, and nobody reads meanwhile."""
        self._loop.remove_reader(way.fileno())
        if self._timer is not None:
            self._timer.cancel()
        self._in_thread = True
        self._loop.run_in_executor(self._thread, way.flush).add_done_callback(partial(self._flushed, way))

    def _flushed(self, way: UnderWay, _done: asyncio.Future[None]) -> None:
        self._in_thread = False
        self._loop.add_reader(way.fileno(), self._look)
        self._heard(way)

    def _answered(self, calls: Sequence[Call], answer: asyncio.Future[list[Told]]) -> None:
        self._in_thread = False
        try:
            told = answer.result()
        except BaseException as error:  # noqa: BLE001 - whatever it is, the callers are told
            self._give_up(calls, error)
        else:
            self._begun.extend(calls)
            self._tell(told)

    def _give_up(self, calls: Sequence[Call], error: BaseException) -> None:
        for call in calls:
            self._note(call, -1)
            call.fail(error)
        self._go_soon()

    def _rest(self) -> None:
        """Nothing is under way: the connection goes back, and whoever waits for that is told."""
        way, self._way = self._way, None
        if way is not None:
            self._loop.remove_reader(way.fileno())
            way.end()
        if self._quiet is not None and not self._quiet.done():
            self._quiet.set_result(None)
