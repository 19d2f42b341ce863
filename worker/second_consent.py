"""The shop's word once more, before dead letters are sent again: who agreed then may have thought better of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

import structlog

from producers import EnqueueFailed, EventId, Producer
from producers.consent import Consent, allows, consent_named
from producers.destinations import DESTINATIONS
from producers.errors import ConfigurationError, ForwarderError
from producers.lines import parse_line
from producers.many import accepted
from producers.settings import consent_setting
from worker.dead_letters.letter import Letter

log = structlog.get_logger("forwarder.consent")


class Undecided(ForwarderError):
    """The consent callback raised, so nobody knows whether the event may be sent."""


class Asked(NamedTuple):
    """Letters by the answer; `undecided`: there was none."""

    allowed: list[Letter]
    withheld: list[Letter]
    undecided: list[Letter]


def consent_of(environ: Mapping[str, str]) -> Consent | None:
    """What `FORWARDER_CONSENT` names."""
    path = consent_setting(environ)
    return consent_named(path, "FORWARDER_CONSENT") if path else None


def consent_or_nobody(path: str) -> Consent | None:
    """For a worker: a function that cannot be found leaves everything undecided, and keeps no delivery from running."""
    try:
        return consent_named(path, "FORWARDER_CONSENT") if path else None
    except ConfigurationError as error:
        log.error("consent_cannot_be_asked", error=str(error))
        return _nobody


def _nobody(_destination: str, _account: str, _event: object) -> bool:
    raise Undecided("FORWARDER_CONSENT names a function that is not there")


def ask(consent: Consent | None, letters: Iterable[Letter]) -> Asked:
    """For each letter of a destination. Without a callback all may be sent."""
    asked = Asked([], [], [])
    for letter in letters:
        try:
            allowed = consent is None or allows(
                consent, DESTINATIONS[letter.slot.destination], letter.event.payload, letter.of
            )
        except Exception:  # noqa: BLE001 - a shop's own code
            asked.undecided.append(letter)
        else:
            (asked.allowed if allowed else asked.withheld).append(letter)
    return asked


def entrance(producer: Producer) -> Callable[[bytes], EventId]:
    """Takes a message of the intake as if it came anew. Raises what `enqueue` raises, or `Undecided`."""

    def enqueue(message: bytes) -> EventId:
        line = parse_line(message)
        try:
            made = producer.preparer.prepare(line)
        except EnqueueFailed as error:  # nothing was sent to Redis yet
            raise Undecided(error.reason) from error
        (fate,) = producer.appender.append([made])
        return accepted(made, fate)

    return enqueue
