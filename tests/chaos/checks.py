"""What must be true after a storm. Pure: each check gives what speaks against it, in words; nothing is good."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator

from tests.chaos.evidence import Evidence
from tests.chaos.marks import code_of
from tests.chaos.watch import differences
from worker.operating.status import STATES


def lost(seen: Evidence) -> list[str]:
    """An event whose enqueue returned was accepted at least once, or is a dead letter."""
    dead = {letter["id"] for letter in seen.letters}
    return [
        f"{entry.event.destination} {event_id}: neither accepted nor dead"
        for event_id, entry in seen.entries.items()
        if entry.told == "returned" and event_id not in seen.accepted and event_id not in dead
    ]


def uninvited(seen: Evidence) -> list[str]:
    """Nothing came of an event whose producer was told that it is not accepted, or that nobody enqueued."""
    came = {*seen.accepted, *(letter["id"] for letter in seen.letters)}
    known = {event_id for event_id, entry in seen.entries.items() if entry.told != "refused"}
    return [f"{event_id}: came, but was never accepted from a producer" for event_id in sorted(came - known)]


def wrong_deaths(seen: Evidence) -> list[str]:
    """Dead are those that the sandbox refuses, for its reason and once; and none of them was taken in."""
    return [*_wrong_letters(seen), *_marked_but_taken(seen)]


def _wrong_letters(seen: Evidence) -> Iterator[str]:
    times = Counter(letter["id"] for letter in seen.letters)
    yield from (f"{event_id}: {count} dead letters" for event_id, count in times.items() if count > 1)
    for letter in seen.letters:
        entry, codes = seen.entries.get(letter["id"]), [reason["code"] for reason in letter["reasons"]]
        mark = entry.event.mark if entry else ""
        if not mark or codes != [code_of(letter["destination"], mark)]:
            yield f"{letter['destination']} {letter['id']} ({mark or 'without fault'}): dead with {codes}"


def _marked_but_taken(seen: Evidence) -> Iterator[str]:
    for event_id in seen.accepted:
        entry = seen.entries.get(event_id)
        if entry and entry.event.mark:
            yield f"{event_id}: accepted, though it is {entry.event.mark}"


def order_breaks(seen: Evidence) -> list[str]:
    """First acceptances of a session or list are in the order in which they were enqueued.

    What was only perhaps accepted is left out: it may have reached Redis after the next one.
    """
    last: dict[tuple[str, str], int] = defaultdict(lambda: -1)
    found = []
    for event_id in seen.accepted:
        entry = seen.entries.get(event_id)
        if entry is None or not entry.event.order or entry.told != "returned":
            continue
        key = (entry.event.destination, entry.event.order)
        if entry.event.number < last[key]:
            found.append(f"{' '.join(key)}: {entry.event.number} came after {last[key]}")
        last[key] = max(last[key], entry.event.number)
    return found


def unbalanced(seen: Evidence) -> list[str]:
    """The ledger balances at every look and at the end, and has counted what producers and the dead letters say."""
    return [*seen.looks.differences, *differences({}, seen.ledger), *_miscounted(seen)]


def _miscounted(seen: Evidence) -> Iterator[str]:
    told = Counter((entry.event.destination, entry.told) for entry in seen.entries.values())
    letters = Counter(letter["destination"] for letter in seen.letters)
    for name, counts in seen.ledger.items():
        least, most = told[name, "returned"], told[name, "returned"] + told[name, "maybe"]
        if not least <= counts["accepted"] <= most:
            yield f"{name}: the ledger accepted {counts['accepted']}, the producers {least} to {most}"
        if counts["accepted"] != counts["delivered"] + counts["dead"] + counts["discarded"]:
            yield f"{name}: not all is settled at the end: { {state: counts[state] for state in STATES} }"
        if counts["dead"] != letters[name]:
            yield f"{name}: the ledger has {counts['dead']} dead, and there are {letters[name]} dead letters"
