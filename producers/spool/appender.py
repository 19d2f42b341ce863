"""An `Appender` that never loses what Redis does not take in time: it goes to the spool of this process."""

from __future__ import annotations

import atexit
import contextlib
import threading
import time
from collections.abc import Sequence

from producers.accepted import Fate, Told
from producers.appender import Appender, append_each
from producers.errors import EnqueueFailed
from producers.keys import Slot
from producers.preparer import Made
from producers.settings import BufferSettings, SpoolSettings
from producers.spool.flusher import Told as Trouble
from producers.spool.forks import in_child
from producers.spool.home import Home, home_of
from producers.spool.keeper import Away, Keeper
from producers.spool.spool import Spool, SpoolFailed

BEHIND = "earlier events of its order wait in the spool"


class Shared:
    """The spool of all producers of this process that write to the same Redis through the same folder.

    To its background thread it is the way into Redis: that of the latest producer that was not closed.
    """

    def __init__(self, settings: SpoolSettings, home: Home) -> None:
        self.users: list[Appender] = []
        self.spool = Spool(settings, home)
        self.away = Away()
        self._keeper: Keeper | None = None
        self._starting = threading.Lock()

    def begin(self) -> None:
        """Starts the background thread, once in each process."""
        if self._keeper is None:
            with self._starting, contextlib.suppress(RuntimeError):  # an interpreter that ends starts no threads
                if self._keeper is None:
                    keeper = Keeper(self.spool, self, self.away)
                    keeper.start()
                    self._keeper = keeper

    def write(self, events: Sequence[Made], slot: Slot, why: str) -> None:
        if self.spool.write(events, slot, why) and self._keeper is not None:
            self._keeper.wake()

    def slot_of(self, made: Made) -> Slot:
        return self.users[-1].slot_of(made)

    def append(self, made: Sequence[Made]) -> list[Fate]:
        return self.users[-1].append(made)

    def withhold(self, made: Sequence[Made]) -> None:
        self.users[-1].withhold(made)

    def close(self) -> None:
        """Its producers close what is theirs."""

    def end(self) -> None:
        if self._keeper is not None:
            self._keeper.stop()
            self._keeper = None
        self.spool.close()

    def forked(self) -> None:
        self._keeper = None
        self._starting = threading.Lock()
        self.away = Away()
        self.spool.forked()


_Key = tuple[str, str, str, int]
_SHARED: dict[_Key, Shared] = {}
_sharing = threading.Lock()


class SpoolingAppender:
    """`inner` first; what it does not take goes to the spool, and so does what must wait behind that."""

    def __init__(self, inner: Appender, settings: SpoolSettings, buffer: BufferSettings) -> None:
        self._inner = inner
        self._settings = settings
        self._home = home_of(buffer)
        self._key = (str(settings.folder), buffer.redis_url, buffer.key_prefix, buffer.shards)
        self._shared: Shared | None = None

    def slot_of(self, made: Made) -> Slot:
        return self._inner.slot_of(made)

    def append(self, made: Sequence[Made]) -> list[Fate]:
        """The fate of each. Raises `EnqueueFailed` if the spool cannot take what it must.

        Then `maybe_accepted` speaks for all of them: some may be in Redis while others are nowhere.
        """
        (told,) = self.append_each([made])
        if isinstance(told, EnqueueFailed):
            raise told
        return told

    def append_each(self, groups: Sequence[Sequence[Made]]) -> list[Told]:
        shared = self._shared or self._share()
        shared.begin()
        behind = [[shared.spool.behind(each) for each in made] for made in groups]
        pairs = [list(zip(*group, strict=True)) for group in zip(groups, behind, strict=True)]
        direct = [[each for each, waits in group if not waits] for group in pairs]
        tried = self._try_each(shared, direct)
        return [self._settled(shared, *group) for group in zip(groups, behind, tried, strict=True)]

    def withhold(self, made: Sequence[Made]) -> None:
        """Only a count, which is let go if Redis does not take it."""
        self._inner.withhold(made)

    def close(self) -> None:
        with _sharing:
            shared, self._shared = self._shared, None
            last = shared is not None and shared.users == [self._inner]
            if last:
                _SHARED.pop(self._key, None)
            elif shared is not None:
                shared.users.remove(self._inner)
        if shared is not None and last:
            shared.end()
        self._inner.close()

    def _try_each(self, shared: Shared, groups: Sequence[Sequence[Made]]) -> list[Told]:
        """What Redis says of each; nothing of those that it need not be asked for."""
        told: list[Told] = [self._unasked(shared, made) for made in groups]
        asked = [place for place, made in enumerate(groups) if made and not isinstance(told[place], EnqueueFailed)]
        began = time.monotonic()
        for place, each in zip(asked, append_each(self._inner, [groups[place] for place in asked]), strict=True):
            told[place] = each
            if isinstance(each, EnqueueFailed):
                slot = self.slot_of(groups[place][0])
                shared.away.note(Trouble(slot, each.reason, time.monotonic() - began))
        return told

    def _unasked(self, shared: Shared, made: Sequence[Made]) -> Told:
        why = shared.away.reason(self.slot_of(made[0])) if made else ""
        return EnqueueFailed(why, id=made[0].id, maybe_accepted=False) if why else []

    def _settled(self, shared: Shared, made: Sequence[Made], behind: Sequence[bool], told: Told) -> Told:
        """What Redis did not take, and what must wait, goes to the spool."""
        failed, fates = (told, []) if isinstance(told, EnqueueFailed) else (None, told)
        if failed is None and len(fates) == len(made):
            return fates
        rest = made if failed else [each for each, waits in zip(made, behind, strict=True) if waits]
        try:
            self._spool(shared, rest, failed, maybe=bool(fates))
        except EnqueueFailed as error:
            return error
        taken = iter(fates)
        return [Fate.SPOOLED if failed or waits else next(taken) for waits in behind]

    def _spool(self, shared: Shared, made: Sequence[Made], failed: EnqueueFailed | None, *, maybe: bool) -> None:
        """`maybe`: whether events of the same call are in Redis."""
        why = failed.reason if failed else BEHIND
        try:
            shared.write(made, self.slot_of(made[0]), why)
        except SpoolFailed as error:
            event_id = made[0].id if len(made) == 1 else ""
            reason = f"{why}; and the spool {self._settings.folder} cannot take it: {error}"
            maybe = maybe or (failed is not None and failed.maybe_accepted)
            raise EnqueueFailed(reason, id=event_id, maybe_accepted=maybe) from failed

    def _share(self) -> Shared:
        with _sharing:
            if self._shared is None:
                shared = _SHARED.get(self._key) or Shared(self._settings, self._home)
                _SHARED[self._key] = shared
                shared.users.append(self._inner)
                self._shared = shared
            return self._shared


def spooling(inner: Appender, settings: SpoolSettings, buffer: BufferSettings) -> Appender:
    return SpoolingAppender(inner, settings, buffer)


@atexit.register
def _end_all() -> None:
    """At the end of the interpreter: no thread goes on, no empty file stays."""
    while _SHARED:
        _SHARED.popitem()[1].end()


@in_child
def _forked() -> None:
    global _sharing
    _sharing = threading.Lock()
    for shared in _SHARED.values():
        shared.forked()
