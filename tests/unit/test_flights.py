"""Attempts that are under way: whoever waits for them is woken soon, and not for each of many."""

from __future__ import annotations

import asyncio
import time

import pytest

from worker.delivery.flights import AT_ONCE, GATHER_S, Flights

LONG_S = 30.0


async def ends(after: asyncio.Event) -> None:
    await after.wait()


async def begun(flights: Flights, count: int) -> list[asyncio.Event]:
    """So many attempts, each of which ends when its event is set."""
    events = [asyncio.Event() for _ in range(count)]
    for event in events:
        flights.begin(ends(event))
    await asyncio.sleep(0)
    return events


async def test_of_few_each_that_ends_is_told_at_once() -> None:
    flights = Flights()
    first, *_others = events = await begun(flights, 4)
    waiting = asyncio.create_task(flights.some_landed(LONG_S))
    await asyncio.sleep(0)
    first.set()
    for _ in range(4):  # turns of the loop: no timer could be over
        await asyncio.sleep(0)
    assert waiting.done()
    assert len(flights) == 3
    for event in events:
        event.set()


async def test_of_many_those_that_end_together_are_told_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("worker.delivery.flights.GATHER_S", LONG_S)
    flights = Flights()
    events = await begun(flights, 600)
    waiting = asyncio.create_task(flights.some_landed(LONG_S))
    await asyncio.sleep(0)
    for event in events[: AT_ONCE - 1]:
        event.set()
    for _ in range(4):
        await asyncio.sleep(0)
    assert not waiting.done()
    events[AT_ONCE].set()
    await asyncio.wait_for(waiting, LONG_S)
    assert len(flights) == 600 - AT_ONCE


async def test_one_of_many_does_not_wait_for_the_others() -> None:
    flights = Flights()
    events = await begun(flights, 300)
    started = time.monotonic()
    events[0].set()
    await flights.some_landed(LONG_S)
    assert len(flights) == 299
    assert GATHER_S / 2 < time.monotonic() - started < LONG_S / 2


async def test_what_ended_while_nobody_waited_is_told_at_once_and_what_was_told_is_not_told_again() -> None:
    flights = Flights()
    events = await begun(flights, 2)
    events[0].set()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    await asyncio.wait_for(flights.some_landed(LONG_S), LONG_S / 2)
    flights.forget_landed()
    waiting = asyncio.create_task(flights.some_landed(LONG_S))
    for _ in range(4):
        await asyncio.sleep(0)
    assert not waiting.done()
    events[1].set()
    await asyncio.wait_for(waiting, LONG_S / 2)


async def test_the_time_is_over_though_none_ended() -> None:
    flights = Flights()
    await begun(flights, 1)
    await asyncio.wait_for(flights.some_landed(0.001), LONG_S)
    assert len(flights) == 1


async def test_a_surprise_reaches_whoever_waits_also_if_it_comes_before() -> None:
    async def surprise() -> None:
        raise ZeroDivisionError

    flights = Flights()
    flights.begin(surprise())
    with pytest.raises(ZeroDivisionError):
        await flights.some_landed(LONG_S)
    with pytest.raises(ZeroDivisionError):
        flights.check()
