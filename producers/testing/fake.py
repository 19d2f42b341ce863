"""A producer for tests: everything of the real one but the store."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

from producers.appender import Appender
from producers.asynchronous import AsyncProducer
from producers.consent import Consent
from producers.producer import Producer, all_batch_settings
from producers.settings import BufferSettings
from producers.testing.recording import Behaviour, Recorded, RecordingAppender, until_left

_NOTHING_SET: Mapping[str, str] = {}
real_from_env = Producer.from_env  # while `faked()` puts another in its place


class FakeProducer(Producer):
    """Checks, normalises, asks for consent, makes ids and times as `Producer` does; keeps what it accepts in `events`.

    An event that comes again under its id is told as a duplicate, another one under the same id as `InvalidEvent`.
    Safe to share between threads.
    """

    def __init__(self, **options: Any) -> None:
        """`options`: those of `Producer`, `consent` for one."""
        self.recording = RecordingAppender()
        super().__init__(BufferSettings(), all_batch_settings({}), appender=self.recording, **options)

    @classmethod
    def from_env(
        cls,
        environ: Mapping[str, str] = _NOTHING_SET,
        *,
        consent: Consent | None = None,
        appender: Appender | None = None,  # noqa: ARG003 - as the real one; a fake stores nowhere
    ) -> FakeProducer:
        """A new one that checks as `environ` says; the environment of the process counts only if it is given."""
        made = cls()
        made.checks_like(real_from_env(environ, consent=consent, appender=made.recording))
        return made

    @property
    def events(self) -> list[Recorded]:
        """All that was accepted, in the order in which it was."""
        return self.recording.recorded()

    @property
    def withheld(self) -> int:
        """How many events consent was refused for."""
        return self.recording.withheld

    def of(self, destination: str, account: str | None = None) -> list[Recorded]:
        """Those of one destination, or of one account of it."""
        return [
            each
            for each in self.events
            if each.destination == destination and (account is None or each.account == account)
        ]

    def only(self, destination: str, account: str | None = None) -> Recorded:
        """The one event of it. Raises `AssertionError`, which shows what there is, unless there is exactly one."""
        found = self.of(destination, account)
        if len(found) != 1:
            there = "\n".join(f"  {each}" for each in self.events) or "  nothing"
            where = destination if account is None else f"{destination} of account {account}"
            raise AssertionError(f"{len(found)} events for {where}, not one; all that was enqueued:\n{there}")
        return found[0]

    def clear(self) -> None:
        """Forgets all events and their ids."""
        self.recording.clear()

    def fails(self, reason: str, *, maybe_accepted: bool = False) -> AbstractContextManager[None]:
        """Calls raise `EnqueueFailed` and record nothing: until `works()`, or until the end of `with fails(…)`."""
        return self._behaves(Behaviour(reason, maybe_accepted))

    def spools(self) -> AbstractContextManager[None]:
        """Events are accepted as `Fate.SPOOLED`, as without Redis: until `works()`, or the end of `with spools()`."""
        return self._behaves(Behaviour(spools=True))

    def works(self) -> None:
        """Ends `fails` and `spools`."""
        self.recording.behave(Behaviour())

    def checks_like(self, producer: Producer) -> None:
        """From now on, by another one's settings; `producer` must append to `recording`."""
        self.preparer, self.appender = producer.preparer, producer.appender

    def asynchronous(self) -> AsyncProducer:
        """The producer for coroutines, which records here."""
        return AsyncProducer(self)

    def _behaves(self, behaviour: Behaviour) -> AbstractContextManager[None]:
        return until_left(self.recording.behave(behaviour))
