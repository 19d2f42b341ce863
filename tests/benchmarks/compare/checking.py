"""Whether what arrived is what was sent: a run that lost or doubled an event has no figure. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import msgspec

from tests.benchmarks.compare.workloads import CAPS, Planned

_TAG = b"rokt-tag-id:"
_QUOTED = 3  # ids of each fault that are named


class Arrival(NamedTuple):
    """A request as the sink took it in. `at`: by the monotonic clock, in seconds."""

    at: float
    head: bytes
    body: bytes


class Verdict(msgspec.Struct, frozen=True):
    """Counts of events, but `over_cap` and `mixed`: of requests; `disordered`: of order keys. `quoted`: some ids."""

    requests: int
    arrived: int
    lost: int = 0
    doubled: int = 0
    strange: int = 0  # that nobody sent
    misdirected: int = 0  # in a request of another account
    over_cap: int = 0
    mixed: int = 0  # requests with events of two sessions or lists
    disordered: int = 0
    body_bytes: int = 0
    quoted: tuple[str, ...] = ()

    def faults(self, *, ordered: bool) -> list[str]:
        """In words; none if the run counts. `ordered`: whether its system promises an order."""
        names = (
            "lost",
            "doubled",
            "strange",
            "misdirected",
            "over_cap",
            "mixed",
            *(("disordered",) if ordered else ()),
        )
        return [f"{name} {getattr(self, name):,}" for name in names if getattr(self, name)]


class _Read(NamedTuple):
    """A request that was read: its account, and session or list and id of each event, with its number in the order."""

    account: str
    events: list[tuple[str, str, int]]


def checked(workload: str, plans: Sequence[Planned], arrivals: Iterable[Arrival]) -> Verdict:
    """Arrivals in the order in which they came."""
    expected = {plan.id: plan for plan in plans}
    times: Counter[str] = Counter()
    last: defaultdict[tuple[str, str], int] = defaultdict(lambda: -1)
    found: Counter[str] = Counter()
    disordered: set[tuple[str, str]] = set()
    for arrival in arrivals:
        read = _READERS[workload](arrival)
        found.update(requests=1, body_bytes=len(arrival.body))
        found["over_cap"] += len(read.events) > CAPS[workload]
        found["mixed"] += len({order for order, _, _ in read.events}) > 1
        for order, event_id, sequence in read.events:
            times[event_id] += 1
            plan = expected.get(event_id)
            if plan is None:
                continue
            found["misdirected"] += (plan.account, plan.order, plan.sequence) != (read.account, order, sequence)
            if order and times[event_id] == 1:
                if sequence < last[plan.account, order]:
                    disordered.add((plan.account, order))
                last[plan.account, order] = sequence
    return _verdict(expected, times, found, disordered)


def _verdict(
    expected: dict[str, Planned], times: Counter[str], found: Counter[str], disordered: set[tuple[str, str]]
) -> Verdict:
    lost = [each for each in expected if each not in times]
    doubled = [each for each, often in times.items() if often > 1 and each in expected]
    strange = [each for each in times if each not in expected]
    return Verdict(
        requests=found["requests"],
        arrived=sum(times.values()),
        lost=len(lost),
        doubled=len(doubled),
        strange=len(strange),
        misdirected=found["misdirected"],
        over_cap=found["over_cap"],
        mixed=found["mixed"],
        disordered=len(disordered),
        body_bytes=found["body_bytes"],
        quoted=tuple(each for group in (lost, doubled, strange) for each in group[:_QUOTED]),
    )


def _conversions(arrival: Arrival) -> _Read:
    body = msgspec.json.decode(arrival.body)
    return _Read(
        body["accountId"], [("", each["clientEventId"], _number(each["clientEventId"])) for each in body["events"]]
    )


def _signals(arrival: Arrival) -> _Read:
    events = msgspec.json.decode(arrival.body)["events"]
    return _Read(_tag(arrival.head), [(each["sessionId"], each["parentGuid"], _sequence(each)) for each in events])


def _members(arrival: Arrival) -> _Read:
    body = msgspec.json.decode(arrival.body)
    addresses = body["emails"] if "emails" in body else [body["email"]]
    return _Read(body["accountId"], [(body["list"], each, _number(each.partition("@")[0])) for each in addresses])


_READERS = {"W1": _conversions, "W2": _signals, "W3": _members}


def _number(name: str) -> int:
    """At the end of an id: `…-000000012`, `….00000012`."""
    digits = name.replace(".", "-").rpartition("-")[2]
    return int(digits) if digits.isdecimal() else -1


def _sequence(event: dict[str, Any]) -> int:
    return next((int(pair["value"]) for pair in event["metadata"] if pair["name"] == "sequence"), -1)


def _tag(head: bytes) -> str:
    """The account of a request whose body names none: the value of its header `rokt-tag-id`."""
    return next(_tags(head), "")


def _tags(head: bytes) -> Iterator[str]:
    for line in head.split(b"\r\n"):
        if line.lower().startswith(_TAG):
            yield line[len(_TAG) :].strip().decode()
