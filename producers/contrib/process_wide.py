"""One producer for a process: made at the first use, anew in each process that a server forks, closed at its end."""

from __future__ import annotations

import atexit
import os
from collections.abc import Callable
from weakref import WeakSet

from producers.producer import Producer

_ALL: WeakSet[ProcessWide] = WeakSet()


class ProcessWide:
    """Safe to share between threads and to carry over a fork. There is no lock, which a fork could leave locked."""

    def __init__(self, make: Callable[[], Producer]) -> None:
        """`make` must not connect: two threads that come first may both call it, and one of the two is dropped."""
        self._make = make
        self._made: dict[int, Producer] = {}
        _ALL.add(self)

    def get(self) -> Producer:
        here = os.getpid()
        return self._made.get(here) or self._made.setdefault(here, self._make())

    def forget(self) -> None:
        """The next use makes a new one."""
        self._made = {}

    def close(self) -> None:
        """Of this process. What a parent had made is its own to close."""
        made = self._made.pop(os.getpid(), None)
        if made is not None:
            made.close()


def forget_all() -> None:
    """For tests, which put something else in the place of producers."""
    for each in list(_ALL):
        each.forget()


@atexit.register
def _close_all() -> None:
    for each in list(_ALL):
        each.close()
