"""The thread that makes the connections, so that nobody who enqueues ever waits for one that hangs."""

from __future__ import annotations

import _thread
import random
from math import inf
from threading import Condition
from time import monotonic
from typing import Any, Protocol

from producers.connection.link import Link

RETRY_FIRST_S = 0.05
RETRY_LONGEST_S = 1.0
ASKED_S = 10.0  # after which a thread that nobody needed ends


class Maker(Protocol):
    """As `Connecting`."""

    def link(self) -> Link: ...

    def close(self) -> None: ...


class Client(Protocol):
    """Who needs the connections. `wants` and `forget` are called with the lock held."""

    def wants(self) -> bool: ...

    def forget(self) -> None: ...

    def connected(self, link: Link) -> None: ...

    def failed(self, error: Exception) -> None: ...


class Connector:
    """Connects while the client wants it, one connection after the other; after failures with growing pauses.

    The thread starts at the first need and ends when nobody has asked for some seconds. `alive`: it has begun to run;
    `fault`: why it cannot. `trying_since`: when the attempt that is under way began, in monotonic seconds.
    """

    def __init__(self, lock: Any, maker: Maker, client: Client) -> None:
        self._wake = Condition(lock)
        self._maker = maker
        self._client = client
        self._asked_at = -inf
        self._started = False
        self._pausing = False
        self.alive = False
        self.fault = ""
        self.trying_since: float | None = None

    def ask(self, now: float) -> None:
        """Somebody needs a connection; with the lock held."""
        self._asked_at = now
        if not self._started:
            self._start()
        elif not self._pausing:
            self._wake.notify()

    def end(self) -> None:
        """Lets the thread end as soon as it can; with the lock held. The next need starts another."""
        self._asked_at = -inf
        self._wake.notify()

    @property
    def ended(self) -> bool:
        """Whether nobody has asked since `end`."""
        return self._asked_at == -inf

    def _start(self) -> None:
        """Not by `threading`, whose start() waits for the thread: for ever where threads do not run."""
        try:
            _thread.start_new_thread(self._work, ())
            self._started, self.fault = True, ""
        except RuntimeError as error:  # at the end of the process, or there are too many
            self.fault = f"the connecting thread cannot be started: {error}"

    def _work(self) -> None:
        pause_s = 0.0
        while self._wanted(pause_s):
            try:
                link = self._maker.link()
            except Exception as error:  # noqa: BLE001 - whatever it is, the callers are told
                pause_s = min(RETRY_LONGEST_S, 2 * pause_s or RETRY_FIRST_S)
                self._client.failed(error)
            else:
                pause_s = 0.0
                self._client.connected(link)

    def _wanted(self, pause_s: float) -> bool:
        """Waits until a connection is wanted, and no less than the pause; False once nobody asks any more."""
        due = monotonic() + pause_s * random.uniform(0.5, 1)
        with self._wake:
            self.alive, self.trying_since = True, None
            while (now := monotonic()) < self._asked_at + ASKED_S:
                self._pausing = now < due
                if not self._pausing and self._client.wants():
                    self.trying_since = now
                    return True
                ends = self._asked_at + ASKED_S
                self._wake.wait((min(due, ends) if self._pausing else ends) - now)
            self._retire()
            return False

    def _retire(self) -> None:
        self._maker.close()
        self._client.forget()
        self._started = self.alive = self._pausing = False
