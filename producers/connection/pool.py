"""The connections of one process to one Redis: who has them, who waits for one, and what is known of Redis."""

from __future__ import annotations

from threading import Condition, RLock
from time import monotonic
from typing import NamedTuple
from weakref import WeakSet

from producers.connection.connector import Connector, Maker
from producers.connection.link import Link

MOST_CONNECTIONS = 64
SUSPICION_S = 0.02  # so long callers wait for the PONG that clears Redis of one slow answer
SLOW_S = 0.05  # an attempt to connect that takes longer counts as failed until it succeeds


_NO_THREAD = "the connecting thread did not start within the budget: uWSGI needs enable-threads"


class Unreachable(Exception):
    """There is no connection, and why."""


class Trouble(NamedTuple):
    """What is wrong with Redis, `since` when, and from when on calls `fail` for it at once (monotonic seconds)."""

    text: str
    since: float
    fail: float

    def told(self, now: float) -> str:
        ago = now - self.since
        return f"{self.text.rstrip('.')} {ago:.1f} s ago; it is tried until it answers" if ago >= SLOW_S else self.text


class Pool:
    """Hands out connections, the one used last first. Callers wait for one, and never connect themselves."""

    def __init__(self, maker: Maker, most: int = MOST_CONNECTIONS) -> None:
        self._lock = RLock()  # a signal handler that enqueues may interrupt its own thread anywhere
        self._given = Condition(self._lock)
        self._connector = Connector(self._lock, maker, self)
        self._most = most
        self._idle: list[Link] = []
        self._in_use: WeakSet[Link] = WeakSet()  # weak: a call that a signal handler breaks off gives nothing back
        self._waiting = 0
        self._trouble: Trouble | None = None

    def take(self, deadline: float) -> Link:
        """A connection that is in order as far as can be seen. Raises `Unreachable`, by the deadline at the latest."""
        while (link := self._next(deadline)).stale:
            self.drop(link)
        link.until(deadline)
        return link

    def take_idle(self) -> Link | None:
        """The same without a deadline yet, if there is one that need not be waited for."""
        while True:
            with self._lock:
                if not self._idle:
                    return None
                link = self._idle.pop()
                self._in_use.add(link)
            if not link.stale:
                return link
            self.drop(link)

    def give_back(self, link: Link) -> None:
        with self._lock:
            if link in self._in_use:  # else it was another process's
                self._in_use.remove(link)
                self._idle.append(link)
                if self._waiting:
                    self._given.notify()

    def drop(self, link: Link) -> None:
        """Instead of giving it back."""
        with self._lock:
            self._in_use.discard(link)
            if self._waiting:
                self._connector.ask(monotonic())
        link.close()

    def suspect(self) -> None:
        """An answer did not come. Until the next PONG calls fail at once, but for those that come within an instant."""
        now = monotonic()
        with self._lock:
            self._trouble = self._trouble or Trouble("Redis did not answer", now, now + SUSPICION_S)
            self._connector.ask(now)
            self._given.notify_all()
        self.drop_idle()

    def drop_idle(self) -> None:
        """They lead to a Redis that hangs, or is no primary any more."""
        with self._lock:
            dropped, self._idle = self._idle, []
        for link in dropped:
            link.close()

    def close(self) -> None:
        """Those in use stay open. What is asked for later is connected anew."""
        with self._lock:
            self._connector.end()
        self.drop_idle()

    def abandon(self) -> None:
        """In a process that was forked: the connections are the parent's, and whoever held the lock is not here."""
        for link in [*self._idle, *self._in_use]:
            link.abandon()
        self._idle, self._in_use = [], WeakSet()

    # -- what the connector calls

    def wants(self) -> bool:
        short = self._waiting > len(self._idle) and len(self._idle) + len(self._in_use) < self._most
        return short or self._trouble is not None

    def forget(self) -> None:
        self._trouble = None

    def connected(self, link: Link) -> None:
        """To another place than before: Redis has moved, and what leads to the old one is of no use."""
        with self._lock:
            moved = [each for each in self._idle if each.place != link.place]
            self._idle = [each for each in self._idle if each.place == link.place]
            (moved if self._connector.ended else self._idle).append(link)  # it may have been closed meanwhile
            self._trouble = None
            self._given.notify()
        for each in moved:
            each.close()

    def failed(self, error: Exception) -> None:
        with self._lock:
            self._fail(f"Redis cannot be reached: {error}", monotonic())

    def _next(self, deadline: float) -> Link:
        with self._lock:
            while not self._idle:
                self._wait(deadline)
            link = self._idle.pop()
            self._in_use.add(link)
            return link

    # -- with the lock held

    def _wait(self, deadline: float) -> None:
        """For a connection, or for news. Raises `Unreachable` if there is no time, or no sense in it."""
        now = monotonic()
        until = deadline if self._trouble is None else min(deadline, self._trouble.fail)
        self._waiting += 1
        try:
            self._connector.ask(now)
            if now >= until or self._connector.fault:
                raise Unreachable(self._why(now))
            self._given.wait(until - now)
        finally:
            self._waiting -= 1

    def _why(self, now: float) -> str:
        if self._trouble is not None and now >= self._trouble.fail:
            return self._trouble.told(now)
        if not self._connector.alive:
            return self._connector.fault or _NO_THREAD
        if len(self._in_use) >= self._most:
            return f"all {self._most} connections to Redis are in use"
        since = self._connector.trying_since
        if since is not None and now - since >= SLOW_S:
            self._fail("Redis cannot be reached: no connection within the budget", now)
        return "Redis cannot be reached: no connection within the budget"

    def _fail(self, text: str, now: float) -> None:
        self._trouble = Trouble(text, now, now)
        self._given.notify_all()
