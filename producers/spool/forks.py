"""What must be so before and after a fork: no call into SQLite under way, and nothing of the parent's used by a child.

SQLite has locks of its own, which a child would find locked for ever if another thread of its parent held them at the
fork. So each call into it is made within a `ForkLock`, and a fork waits for them all.
"""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Callable
from types import TracebackType
from weakref import WeakSet

PATIENCE_S = 5.0  # a disk that hangs for longer does not hold up a fork


class ForkLock:
    """A lock that a fork waits for, and that is free in the child. `rank`: those of a lower one are taken first."""

    def __init__(self, rank: int = 1) -> None:
        self.rank = rank
        self._lock = threading.RLock()
        _LOCKS.add(self)

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lock.release()

    def acquire(self, timeout_s: float) -> bool:
        return self._lock.acquire(timeout=timeout_s)

    def release(self) -> None:
        self._lock.release()

    def renew(self) -> None:
        """In a child: whoever held it is not there."""
        self._lock = threading.RLock()


_LOCKS: WeakSet[ForkLock] = WeakSet()
_forking = threading.local()  # which locks a thread holds that forks
_IN_CHILD: list[Callable[[], None]] = []
BACKGROUND = ForkLock(rank=0)  # all that no caller waits for: reading, checkpoints, the files of others


def in_child(forget: Callable[[], None]) -> None:
    """Calls it in each child, before anything else runs there."""
    _IN_CHILD.append(forget)


def immortal(thing: object) -> None:
    """Never freed, not even when the interpreter ends: a child must not close a connection of its parent."""
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(thing))


def _before() -> None:
    _forking.held = [lock for lock in sorted(_LOCKS, key=lambda each: each.rank) if lock.acquire(PATIENCE_S)]


def _after_in_parent() -> None:
    for lock in reversed(_forking.held):
        lock.release()


def _after_in_child() -> None:
    for lock in list(_LOCKS):
        lock.renew()
    for forget in _IN_CHILD:
        forget()


os.register_at_fork(before=_before, after_in_parent=_after_in_parent, after_in_child=_after_in_child)
