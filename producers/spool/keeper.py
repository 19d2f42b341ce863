"""The background thread of a spool: brings its events to Redis, looks after its file, adopts orphans."""

from __future__ import annotations

import logging
import math
import random
import threading
import time
from collections.abc import Callable

from producers.appender import Appender
from producers.keys import Slot
from producers.spool.adoption import Adopted, first_orphan
from producers.spool.flusher import Flusher, Told
from producers.spool.spool import Spool

LOG = logging.getLogger("producers.spool")
LOOK_S = 10.0  # for orphans
AGAIN_S = 1.0  # after a surprise
TELL_S = 60.0  # the same trouble is told again after so long
JOIN_S = 2.0
IN_VAIN_S = 0.02  # who waited so long for nothing spares the next ones the wait
SPARED_S = 1.5  # longer than the background's longest pause between two attempts


class Away:
    """Which slots did not answer just now: for a moment their events go to the spool at once."""

    def __init__(self) -> None:
        self._until: dict[Slot, tuple[float, str]] = {}

    def reason(self, slot: Slot) -> str:
        """Why Redis need not be asked; empty if it must be."""
        if not self._until:
            return ""
        until, why = self._until.get(slot, (0.0, ""))
        return why if until > time.monotonic() else ""

    def note(self, told: Told) -> None:
        if not told.why:
            self._until.pop(told.slot, None)
        elif told.seconds >= IN_VAIN_S:
            self._until[told.slot] = (time.monotonic() + SPARED_S, told.why)


class Keeper:
    """One thread a process, begun by `start` and ended by `stop`. It survives whatever it meets."""

    def __init__(self, spool: Spool, to: Appender, away: Away) -> None:
        self._spool = spool
        self._to = to
        self._away = away
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._own = Flusher(spool, to, self._told, self._stop.is_set)
        self._adopted: Adopted | None = None
        self._set_back: set[str] = set()  # orphans that gave trouble: left to the next process, or the command
        self._next_look = time.monotonic()
        self._told_at = -math.inf  # that events wait
        self._last_surprise = ("", 0.0)
        self._thread = threading.Thread(target=self._run, name="forwarder-spool", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        self._wake.set()

    def stop(self) -> None:
        self._stop.set()
        self._wake.set()
        if self._thread.ident is not None and self._thread is not threading.current_thread():
            self._thread.join(JOIN_S)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                wait = self._turn()
            except Exception as error:  # noqa: BLE001 - nothing may end this thread
                self._surprised(error)
                wait = AGAIN_S
            if wait > 0:
                self._wake.wait(wait)
                self._wake.clear()
        if self._adopted is not None:
            self._adopted.leave()

    def _turn(self) -> float:
        """Seconds until the next one. On a disk that is full only the checkpoint makes room for all else."""
        return min(self._tried(self._bring), self._tried(self._spool.upkeep), self._others())

    def _bring(self) -> float:
        return self._own.go() if self._spool.waiting else math.inf

    def _tried(self, part: Callable[[], float]) -> float:
        try:
            return part()
        except Exception as error:  # noqa: BLE001 - the other parts go on
            self._surprised(error)
            self._spool.damaged(error)
            return AGAIN_S

    def _surprised(self, error: Exception) -> None:
        """The same one is told once a minute."""
        told, at = self._last_surprise
        if told != repr(error) or time.monotonic() - at > TELL_S:
            self._last_surprise = (repr(error), time.monotonic())
            LOG.error("the spool's background thread met a surprise, and goes on", exc_info=error)

    def _others(self) -> float:
        if self._adopted is not None:
            return self._adopted_turn(self._adopted)
        if (left := self._next_look - time.monotonic()) > 0:
            return left
        self._next_look = time.monotonic() + LOOK_S * random.uniform(0.8, 1.2)
        file = first_orphan(self._spool.folder, self._spool.home, self._spool.sync, self._set_back)
        if file is None:
            return self._next_look - time.monotonic()
        LOG.info("the spool file %s of a process that ended is taken over", file.path.name)
        self._adopted = Adopted(file, self._to, self._told, self._stop.is_set)
        return 0.0

    def _adopted_turn(self, adopted: Adopted) -> float:
        try:
            wait = adopted.go()
        except Exception:
            self._set_back.add(adopted.file.path.name)
            self._give_back(adopted)
            raise
        if wait == math.inf:
            self._give_back(adopted)
            return 0.0
        return wait

    def _give_back(self, adopted: Adopted) -> None:
        self._adopted = None
        self._next_look = time.monotonic()  # there may be another one
        adopted.leave()

    def _told(self, told: Told) -> None:
        self._away.note(told)
        now = time.monotonic()
        if told.why and now - self._told_at > TELL_S:
            self._told_at = now
            LOG.warning("events wait in the spool %s: %s", self._spool.folder.path, told.why)
        elif not told.why and self._told_at > -math.inf and not self._spool.waiting:
            self._told_at = -math.inf
            LOG.info("Redis took the events of the spool %s", self._spool.folder.path)
