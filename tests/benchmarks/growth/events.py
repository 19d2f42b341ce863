"""Events as producers make them, millions in little time: each has an id and a text of its own.

W1: conversions of 8 accounts. W2: signals of sessions of 1 to 25 events, 4 in the mean. Payloads of 500 to 700 bytes,
600 in the mean.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from random import Random
from string import ascii_letters
from typing import Any, NamedTuple

from msgspec.structs import replace

from producers.append import Entry
from producers.destinations import DESTINATIONS, Destination
from producers.lines import Line
from producers.preparer import Preparer
from producers.prints import print_of_content, print_of_id
from producers.producer import all_batch_settings
from producers.stored_event import payload_of

ACCOUNTS = 8
SIZES = range(500, 701, 10)
MEAN_BYTES = 600
MEAN_SESSION, LONGEST_SESSION = 4, 25
_ID, _SESSION = "2e4b1f6e-0f4f-4c0e-9d55-{:012x}", "7c9e6679-7425-40de-944b-{:012x}"  # as UUIDs are
# Such as nothing can compress by much; each event has a piece of its own of it, as real ones differ. (Lua tells long
# strings apart by every twentieth letter or so: those that share their text are a case of their own.)
_TEXT = "".join(Random(4).choices(ascii_letters, k=100_000))
_BYTES = _TEXT.encode()
_NO_ID, _NO_SESSION = 0xFFFFFFFFFFFF, 0xEEEEEEEEEEEE  # of templates


class Workload(NamedTuple):
    """What is enqueued. `cap`: events of a request."""

    name: str
    to: Destination
    sessions: bool

    @property
    def cap(self) -> int:
        return self.to.max_events

    def entries(self) -> Iterator[Entry]:
        """Without end, and the same each time."""
        return _of_sessions(self) if self.sessions else _of_accounts(self)

    def line(self, number: int, session: int, filling: int = 0) -> dict[str, Any]:
        """As a shop says it."""
        fill = [{"name": "note", "value": _TEXT[:filling]}]
        given = {"destination": self.to.name, "account": str(50_000 + number % ACCOUNTS)}
        if not self.sessions:
            event = {"clientEventId": _ID.format(number), "eventType": "conversion", "objectData": fill}
            return {**given, "event": event}
        parent, placed = "5c6ff53e-6a8b-4b1f-9d9b-ae0c36b2c4f1", {"sessionId": _SESSION.format(session)}
        event = {"eventType": "SignalViewed", "parentGuid": parent, "clientUniqueId": f"{number:020d}", **placed}
        account = str(50_000 + session % ACCOUNTS)
        return {**given, "account": account, "id": _ID.format(number), "event": {**event, "metadata": fill}}


W1 = Workload("W1", DESTINATIONS["event-api"], sessions=False)
W2 = Workload("W2", DESTINATIONS["server-events"], sessions=True)
WORKLOADS = {each.name: each for each in (W1, W2)}


def lengths() -> Iterator[int]:
    """Of sessions, one after the other: few are long."""
    chance = Random(4)
    while True:
        yield min(LONGEST_SESSION, 1 + int(chance.expovariate(1 / 3.46)))


class _Template(NamedTuple):
    """A checked event, cut where its id and its session go."""

    entry: Entry
    type: str
    stored: bytes
    filling: int

    def made(self, account: str, number: int, session: int = _NO_SESSION) -> Entry:
        order = self.entry.order and _SESSION.format(session)
        start = number * 7_919 % (len(_BYTES) - self.filling)
        text = _BYTES[start : start + self.filling]
        stored = self.stored % {b"t": text, b"i": b"%012x" % number, b"s": b"%012x" % session}
        known_by = print_of_id(account, self.type, _ID.format(number)) + print_of_content(stored[9:], order, "")
        return replace(self.entry, account=account, order=order, stored=stored, print=known_by)


def _templates(workload: Workload) -> list[_Template]:
    return [_template(workload, size) for size in SIZES]


def _template(workload: Workload, size: int) -> _Template:
    bare = len(payload_of(_checked(workload, 0).stored))
    entry = _checked(workload, size - bare)
    stored = entry.stored.replace(b"%", b"%%").replace(_BYTES[: size - bare], b"%(t)s")
    stored = stored.replace(b"%012x" % _NO_ID, b"%(i)s").replace(b"%020d" % _NO_ID, b"00000000%(i)s")
    kind = "SignalViewed" if workload.sessions else "conversion"
    return _Template(entry, kind, stored.replace(b"%012x" % _NO_SESSION, b"%(s)s"), size - bare)


def _checked(workload: Workload, filling: int) -> Entry:
    line = workload.line(_NO_ID, _NO_SESSION, filling)
    return Preparer(all_batch_settings({})).prepare(Line.of(line)).entry


def _of_accounts(workload: Workload) -> Iterator[Entry]:
    templates = _templates(workload)
    for number in count():
        yield templates[number * 5 % len(templates)].made(str(50_000 + number % ACCOUNTS), number)


def _of_sessions(workload: Workload) -> Iterator[Entry]:
    templates, number = _templates(workload), 0
    for session, length in enumerate(lengths()):
        account = str(50_000 + session % ACCOUNTS)
        for _ in range(length):
            yield templates[number * 5 % len(templates)].made(account, number, session)
            number += 1
