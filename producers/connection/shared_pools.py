"""One pool a process and Redis, however many producers there are; a forked process begins with none of its parent's."""

from __future__ import annotations

import os
from threading import RLock
from weakref import WeakValueDictionary

from producers.connection.connecting import Connecting, usable
from producers.connection.pool import Pool
from producers.redis_url import parse_redis_url


class SharedPool:
    """The pool of the process that asks; `joined` and `left` count who uses it."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._address = usable(parse_redis_url(url))
        self._by_process: dict[int, Pool] = {}
        self._users = 0

    def pool(self) -> Pool:
        """Looked up by process id too: uWSGI forks without telling Python."""
        return self._by_process.get(os.getpid()) or self._first()

    def joined(self) -> None:
        with _locks[0]:
            self._users += 1

    def left(self) -> None:
        """Closes the connections after the last one."""
        with _locks[0]:
            self._users -= 1
            last = self._users == 0
            if last:
                _pools.pop(self._url, None)
        if last:
            self.pool().close()

    def _first(self) -> Pool:
        """The process's own; that of a parent is left to it. One step, since the parent's locks may be held."""
        own = os.getpid()
        pool = self._by_process.setdefault(own, Pool(Connecting(self._address)))
        for process in [each for each in self._by_process if each != own]:
            if parents := self._by_process.pop(process, None):
                parents.abandon()
        return pool


_pools: WeakValueDictionary[str, SharedPool] = WeakValueDictionary()
_locks = [RLock()]  # in a list, so that a child can replace it


def shared_pool(url: str) -> SharedPool:
    """Connects to nothing yet. Raises `ConfigurationError` for a URL, or a file named in it, that cannot be used."""
    with _locks[0]:
        shared = _pools.get(url)
        if shared is None:
            shared = _pools[url] = SharedPool(url)
        return shared


def _after_fork() -> None:
    _locks[0] = RLock()
    for shared in list(_pools.values()):
        shared.pool()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
