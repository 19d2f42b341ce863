"""What can go wrong before an event is accepted. One root, so that a caller may catch everything of ours at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class ForwarderError(Exception):
    """Root of every error that this project raises on purpose."""


class ConfigurationError(ForwarderError):
    """A setting, a credential or a server is not usable; the message names it and the fault."""


class Fault(NamedTuple):
    """One thing wrong with one field: `event.objectData[2].value`, `is required`."""

    field: str
    message: str

    def __str__(self) -> str:
        return f"{self.field}: {self.message}"


class InvalidEvent(ForwarderError):
    """The event cannot be sent as it is; nothing of it was enqueued. `faults` holds every fault, by field."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("; ".join(map(str, self.faults)))


class EnqueueFailed(ForwarderError):
    """Redis did not confirm the event.

    `id`: the event's id, so that the caller can enqueue it again under the same one.
    `maybe_accepted`: True if the request had left when the answer was lost, so it may have been accepted after all.
    """

    def __init__(self, reason: str, *, id: str, maybe_accepted: bool) -> None:  # noqa: A002 - the contract's word
        self.reason = reason
        self.id = id
        self.maybe_accepted = maybe_accepted
        certainty = "it may have been accepted" if maybe_accepted else "it was not accepted"
        super().__init__(f"{reason} (event {id}: {certainty})")
