"""A signal may come at any moment of a call: its handler may raise, or enqueue itself, and the shop goes on."""

from __future__ import annotations

import random
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import pytest

from producers import EnqueueFailed, Fate, Producer
from producers.connection.calls import Connection
from tests.buffer.test_producer import conversion

SECONDS = 1.5
pytestmark = pytest.mark.timeout(method="thread")  # the usual way takes the same signal


class TimeLimit(Exception):
    """As Celery's or RQ's, raised in whatever runs just then."""


@contextmanager
def signalled(handler: Callable[[int, FrameType | None], object]) -> Iterator[None]:
    """Again and again, at any moment."""

    def handle(number: int, frame: FrameType | None) -> None:
        try:
            handler(number, frame)
        finally:
            _again()  # not before: on a busy machine handlers would nest without end

    signal.signal(signal.SIGALRM, handle)
    _again()
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, lambda *_: None)  # the last one may still be on its way


def _again() -> None:
    signal.setitimer(signal.ITIMER_REAL, random.uniform(0.0003, 0.002))


def _sell(producer: Producer) -> Fate:
    return producer.enqueue("event-api", account="1", event=conversion()).fate


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGALRM")
def test_a_handler_that_enqueues_itself_does_not_hang_the_call_it_interrupts(producer: Producer) -> None:
    handled: list[Fate] = []
    ends = time.monotonic() + SECONDS
    with signalled(lambda *_: handled.append(_sell(producer))):
        while time.monotonic() < ends:
            assert _sell(producer) is Fate.BUFFERED
    assert handled
    assert set(handled) == {Fate.BUFFERED}


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGALRM")
def test_a_handler_that_raises_ends_the_call_and_nothing_else(producer: Producer) -> None:
    """Neither the process, nor the connections of those that follow."""

    inside = [False]
    broken = 0

    def limit(*_: object) -> None:
        if inside[0]:
            inside[0] = False
            raise TimeLimit

    ends = time.monotonic() + SECONDS
    with signalled(limit):
        while time.monotonic() < ends:
            try:
                inside[0] = True
                _sell(producer)
                inside[0] = False
            except TimeLimit:
                broken += 1
            except (EnqueueFailed, RuntimeError):  # what the interrupted call made of it
                inside[0] = False
    assert broken > 5
    assert [_sell(producer) for _ in range(100)] == [Fate.BUFFERED] * 100
    connection = vars(producer.appender)["_connection"]
    assert isinstance(connection, Connection)
    assert not vars(vars(connection)["_shared"].pool())["_in_use"]
