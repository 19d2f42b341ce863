"""How many duplicates there were, and how many there may have been: computed from what was lost, event by event.

An event may come again only if the answer that took it in did not reach a worker that could settle it. Each acceptance
is therefore looked at alone: why may the next one have been needed?
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Mapping
from itertools import pairwise
from typing import NamedTuple

from tests.chaos.evidence import Evidence, Request
from tests.chaos.plan import HTTP_TIMEOUT_S
from tests.chaos.stopped import Kill

CUT = "no answer: cut, or later than the time-out"
UNHEARD = "no worker heard the answer"
LATE = "the lease was over before the settlement"
_NEAR_S = 0.2  # before the time-out: the worker's clock began before the sandbox's
_LAST = Request(0, "", None, math.inf, math.inf)


class Duplicates(NamedTuple):
    """`bound`: acceptances after which another one was possible, by reason. `unexplained`: duplicates without one."""

    came: int
    bound: Counter[str]
    unexplained: list[str]

    @property
    def most(self) -> int:
        return self.bound.total()


def duplicates(seen: Evidence) -> Duplicates:
    """Of all events; an event that came three times needs two reasons."""
    kills = _kills_by_event(seen)
    came, bound, unexplained = 0, Counter[str](), []
    for event_id, requests in seen.accepted.items():
        for request, following in pairwise([*requests, _LAST]):
            why = _why(seen, request, following, kills.get(event_id, []))
            bound.update([why] if why else [])
            came += following is not _LAST
            if following is not _LAST and not why:
                unexplained.append(f"{event_id}: taken in by request {request.number}, again by {following.number}")
    return Duplicates(came, bound, unexplained)


def _why(seen: Evidence, request: Request, following: Request, kills: list[Kill]) -> str:
    """Why the event may be sent again after this request; "" if it must not."""
    if request.status is None or request.ended - request.arrived > HTTP_TIMEOUT_S - _NEAR_S:
        return CUT
    for kill in kills:
        if request.arrived <= kill.ended and kill.began < following.arrived and _may(kill.kind, request, following):
            return _KILLED[kill.kind]
    if request.trace_id not in seen.logs.heard:
        return UNHEARD
    return LATE if request.trace_id in seen.logs.late and _may(LATE, request, following) else ""


def _may(kind: str, request: Request, following: Request) -> bool:
    """What nobody settled comes again when its lease is over, and no request starts in the last seconds of a lease.

    Only a worker that goes on after a halt may send beside the one that has its batch by now.
    """
    return kind == "stop" or following.arrived - request.arrived >= HTTP_TIMEOUT_S - _NEAR_S


_KILLED = {
    "worker": "in flight when a worker was killed",
    "child": "in flight when a process of a pool was killed",
    "redis": "in flight when Redis was killed",
    "stop": "in flight when a worker was stopped for longer than its lease",
}


def _kills_by_event(seen: Evidence) -> Mapping[str, list[Kill]]:
    found: dict[str, list[Kill]] = defaultdict(list)
    for kill in seen.weather.kills:
        for event_id in kill.in_flight:
            found[event_id].append(kill)
    return found
