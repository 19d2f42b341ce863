"""Checks an event and makes its id and time once. No I/O: what follows decides where the event goes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from producers.append import Entry, entry
from producers.clock import now_ms
from producers.consent import Consent, allows, refused_if_late
from producers.destinations import Destination, Prepared, Whole, destination_named
from producers.errors import EnqueueFailed, Fault, InvalidEvent
from producers.lines import Line
from producers.privacy import Privacy
from producers.settings import BatchSettings

MOST_ENVELOPE = 4_096  # bytes that no request takes around its events; all names in it are limited


class Made(msgspec.Struct, frozen=True, gc=False):  # one an event: no tuple of Python's is made as quickly
    """A checked event on its way: to which destination, under which id, and as it will lie in Redis."""

    to: Destination
    id: str
    entry: Entry
    withheld: bool = False  # the consent callback said no


class Preparer:
    """Turns lines into events that can be stored. `batches`: the caps of each destination.

    Personal fields are hashed or left out before anything else sees the event.
    """

    def __init__(
        self, batches: Mapping[str, BatchSettings], privacy: Privacy | None = None, consent: Consent | None = None
    ) -> None:
        self._batches = batches
        self._surely_fit = {name: batch.max_bytes - MOST_ENVELOPE for name, batch in batches.items()}
        self._privacy = privacy or Privacy()
        self._untouched = self._privacy.inert
        self._consent = refused_if_late(consent)

    def prepare(self, line: Line, now: int | None = None) -> Made:
        """`now`: when the caller spoke, if that was earlier (ms).

        Raises `InvalidEvent` with every fault, by field; `EnqueueFailed` if the consent callback raised.
        """
        now = now_ms() if now is None else now
        if type(line.account) is not str and isinstance(line.account, str):
            line = _plain(line)
        to, prepared = self.checked(line, now)
        made = entry(line.account, prepared, now)
        if made.size > self._surely_fit[to.name]:
            self._refuse_too_large(to, made)
        if self._consent is None:
            return Made(to, prepared.id, made)
        return Made(to, prepared.id, made, self._withheld(self._consent, to, line.account, prepared))

    def checked(self, line: Line, now: int) -> tuple[Destination, Prepared]:
        """The event as its request will hold it. Raises `InvalidEvent` with every fault but that of its size."""
        to = destination_named(line.destination)
        event = line.event if self._untouched else self._privacy.applied(to.name, line.account, line.event)
        return to, to.prepare(line.account, event, line.id, now)

    def as_kept(self, message: bytes) -> bytes:
        """A message that holds no valid event, as it may be kept: personal fields as in those that are valid."""
        return self._privacy.redacted_text(message)

    def event_as_kept(self, destination: str, account: str, event: Any) -> Any:
        """The same for an event that was accepted before, as its destination spells it."""
        try:
            return self._privacy.applied(destination, account, event)
        except InvalidEvent:
            line = self._privacy.redacted({"destination": destination, "account": account, "event": event})
            return line["event"] if isinstance(line, dict) else line

    def prepare_line(self, line: Line | Mapping[str, Any]) -> Made:
        """The same for a line as somebody else wrote it."""
        return self.prepare(Line.of(line))

    def _refuse_too_large(self, to: Destination, made: Entry) -> None:
        most = self._batches[to.name].max_bytes
        size = made.size - 1 + to.envelope_bytes(made.account, made.order, made.kind)
        if size > most:
            raise InvalidEvent([Fault("event", f"makes a request of {size} bytes alone; at most {most} are allowed")])

    def _withheld(self, consent: Consent, to: Destination, account: str, prepared: Prepared) -> bool:
        """Without the callback's word nothing is sent, and nothing is taken for refused."""
        of = Whole(account, prepared.order, prepared.kind)
        try:
            return not allows(consent, to, prepared.payload, of)
        except Exception as error:
            reason = f"the consent callback raised {type(error).__name__}"
            raise EnqueueFailed(reason, id=prepared.id, maybe_accepted=False) from error


def _plain(line: Line) -> Line:
    """Its account as a plain text: of those that templates and number libraries have, no encoder takes any."""
    return msgspec.structs.replace(line, account=str.__str__(line.account))
