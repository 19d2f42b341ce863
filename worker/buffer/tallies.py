"""The counters of a slot beside its ledger: fields of `stats`, and the bounds by which they count. See tally.lua."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping, Sequence

INF = "inf"
REQUEST_MS = (10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000)
REQUEST_EVENTS = (1, 2, 5, 10, 25, 50, 100, 1_000, 10_000, 100_000)
DELIVERY_MS = (  # as in tally.lua, which knows when an event is delivered
    *(500, 1_000, 1_500, 2_000, 3_000, 5_000, 10_000, 30_000, 60_000),
    *(300_000, 1_800_000, 3_600_000, 21_600_000, 86_400_000),
)
SUMS = {"request": ("request_ms", "request_events"), "delivery": ("delivery_ms",)}
ROUND_TRIP_MS = (1, 2, 5, 10, 25, 50, 100, 250, 1_000, 5_000)


def request_field(status: int, ms: int, events: int) -> str:
    """Where a request is counted: by its status (0: no answer), how long it took and how many events were in it."""
    return f"request:{status}:{bound_of(REQUEST_MS, ms)}:{bound_of(REQUEST_EVENTS, events)}"


def bound_of(bounds: Sequence[int], value: float) -> str:
    """The first that is not below the value."""
    place = bisect_left(bounds, value)
    return str(bounds[place]) if place < len(bounds) else INF


def counters(stats: Mapping[bytes, bytes]) -> Counter[str]:
    """What the hash says: each field's count, and the sums that stand beside counts."""
    counts: Counter[str] = Counter()
    for field, told in stats.items():
        name = field.decode("utf-8", "replace")
        count, *sums = map(int, told.split())
        counts[name] += count
        counts.update(dict(zip(SUMS.get(name.partition(":")[0], ()), sums, strict=False)))
    return counts
