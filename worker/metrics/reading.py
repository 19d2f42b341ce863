"""Everything that is counted of a slot, in one round trip. Shared by the exporter and by the samples."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from producers.destinations import DESTINATIONS
from producers.keys import Slot
from worker.buffer.tallies import counters
from worker.intake.letters import NAME as INTAKE

SOON_MS = 12 * 3_600_000
HELD_SHOWN = 100  # accounts of a destination that are told by name
COMMANDS = 11


class Reading(NamedTuple):
    """Of one slot. `opened_s`: of its oldest batch, None if there is none; `held`: accounts, for ever first.

    `lasting`, `limited`: how many accounts are held until they are resumed, or for a time. `circuit`: closed,
    half-open or open. `expiring`, `expiring_letters`: batches and dead letters whose events are refused within twelve
    hours; `expired_letters`: those that are already.
    """

    ledger: Mapping[str, int]
    stats: Mapping[str, int]
    age_s: int | None
    paused: bool
    circuit: str
    requests: int
    too_late: int
    lasting: int
    limited: int
    held: tuple[str, ...]
    expiring: int
    expiring_letters: int
    expired_letters: int


def slots_of(prefix: str, shards: int) -> list[Slot]:
    """Of all destinations, and of the intake."""
    found = [Slot(prefix, name, shard) for name in DESTINATIONS for shard in range(shards)]
    return [*found, Slot(prefix, INTAKE, 0)]


def ask(pipeline: Any, slot: Slot, now: int) -> None:
    """Puts the questions about a slot into a pipeline. `now` in ms: a rough one will do."""
    soon, past = _bounds(slot, now)
    pipeline.hgetall(slot.key("ledger"))
    pipeline.hgetall(slot.key("stats"))
    pipeline.zrange(slot.key("ages"), 0, 0)
    pipeline.hmget(slot.key("meta"), "paused", "circuit_until", "requests", "stale_settles")
    pipeline.zcount(slot.key("held"), "+inf", "+inf")
    pipeline.zcount(slot.key("held"), now, "(+inf")
    pipeline.zrevrangebyscore(slot.key("held"), "+inf", now, 0, HELD_SHOWN)
    pipeline.zcount(slot.key("times"), f"({past}", soon)
    pipeline.zcount(slot.key("dead_expires"), f"({past}", soon)
    pipeline.zcount(slot.key("dead_expires"), "-inf", past)
    pipeline.time()


def understood(answers: Sequence[Any]) -> Reading:
    """The answers to the questions about one slot."""
    ledger, stats, oldest, meta, lasting, limited, held, expiring, letters, expired, (seconds, micros) = answers
    paused, circuit_until, requests, too_late = meta
    now = seconds * 1_000 + micros // 1_000
    circuit = "closed" if circuit_until is None else "open" if int(circuit_until) > now else "half-open"
    return Reading(
        ledger=_counts(ledger),
        stats=counters(stats),
        age_s=max(0, seconds - int(oldest[0])) if oldest else None,
        paused=paused is not None,
        circuit=circuit,
        requests=int(requests or 0),
        too_late=int(too_late or 0),
        lasting=lasting,
        limited=limited,
        held=tuple(account.decode("utf-8", "replace") for account in held),
        expiring=expiring,
        expiring_letters=letters,
        expired_letters=expired,
    )


def summed(readings: Sequence[Reading]) -> Reading:
    """Of the shards of one destination."""
    ages = [each.age_s for each in readings if each.age_s is not None]
    circuits = ("closed", "half-open", "open")
    ledger: Counter[str] = Counter()
    stats: Counter[str] = Counter()
    for each in readings:
        ledger.update(each.ledger)
        stats.update(each.stats)
    return Reading(
        ledger=ledger,
        stats=stats,
        age_s=max(ages, default=None),
        paused=any(each.paused for each in readings),
        circuit=max((each.circuit for each in readings), key=circuits.index),
        requests=sum(each.requests for each in readings),
        too_late=sum(each.too_late for each in readings),
        lasting=sum(each.lasting for each in readings),
        limited=sum(each.limited for each in readings),
        held=tuple(account for each in readings for account in each.held)[:HELD_SHOWN],
        expiring=sum(each.expiring for each in readings),
        expiring_letters=sum(each.expiring_letters for each in readings),
        expired_letters=sum(each.expired_letters for each in readings),
    )


def by_destination(slots: Sequence[Slot], answers: Sequence[Any]) -> dict[str, Reading]:
    """From the answers about all slots."""
    found: dict[str, list[Reading]] = {}
    for place, slot in enumerate(slots):
        mine = answers[place * COMMANDS : (place + 1) * COMMANDS]
        found.setdefault(slot.destination, []).append(understood(mine))
    return {destination: summed(readings) for destination, readings in found.items()}


def _bounds(slot: Slot, now: int) -> tuple[int, int]:
    """Events of at most these times expire soon, or have expired."""
    to = DESTINATIONS.get(slot.destination)
    return (to.window.earliest(now + SOON_MS), to.window.earliest(now)) if to else (0, 0)


def _counts(fields: Mapping[bytes, bytes]) -> dict[str, int]:
    return {name.decode("utf-8", "replace"): int(count) for name, count in fields.items()}
