"""A producer for tests: everything of the real one but the store."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager

from producers.appender import Appender
from producers.asynchronous import AsyncProducer
from producers.consent import Consent
from producers.preparer import Preparer
from producers.producer import Producer, all_batch_settings
from producers.settings import BufferSettings
from producers.testing.recording import Behaviour, Recorded, RecordingAppender, until_left
from producers.withholding import WithholdingAppender

_NOTHING_SET: Mapping[str, str] = {}


class FakeProducer(Producer):
    """Checks, normalises, asks for consent, makes ids and times as `Producer` does; keeps what it accepts in `events`.

    An event that comes again under its id is told as a duplicate, another one under the same id as `InvalidEvent`.
    Safe to share between threads.
    """

    def __init__(self, *, consent: Consent | None = None) -> None:
        self.recording = RecordingAppender()
        batches = all_batch_settings(_NOTHING_SET)
        super().__init__(BufferSettings(), batches, appender=WithholdingAppender(self.recording))
        self.asks(consent)

    @classmethod
    def from_env(
        cls,
        environ: Mapping[str, str] = _NOTHING_SET,  # noqa: ARG003
        *,
        consent: Consent | None = None,
        appender: Appender | None = None,  # noqa: ARG003
    ) -> FakeProducer:
        """A new one. It takes what `Producer.from_env` takes, and neither reads the environment nor stores anywhere."""
        return cls(consent=consent)

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

    def asks(self, consent: Consent | None) -> None:
        """From now on `consent` is asked about each event."""
        self.preparer = Preparer(all_batch_settings(_NOTHING_SET), consent)

    def asynchronous(self) -> AsyncProducer:
        """The producer for coroutines, which records here."""
        return AsyncProducer(self)

    def _behaves(self, behaviour: Behaviour) -> AbstractContextManager[None]:
        return until_left(self.recording.behave(behaviour))
