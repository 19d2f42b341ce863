"""The tables at the end of the demo."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from rich.table import Table


def summary(counts: Mapping[str, Any], refused: int, requests: int, seconds: float) -> Table:
    """Accepted, delivered, dead, requests, events a request, time."""
    rows = Table(title="What happened", show_header=False)
    taken = counts["delivered"] + counts["dead"]
    for name, value in (
        ("refused by the producer", f"{refused:,}"),
        ("accepted", f"{counts['accepted']:,}"),
        ("delivered", f"{counts['delivered']:,}"),
        ("dead letters", f"{counts['dead']:,}"),
        ("requests", f"{requests:,}"),
        ("events a request", f"{taken / requests:.1f}" if requests else "-"),
        ("time", f"{seconds:.1f} s"),
    ):
        rows.add_row(name, value)
    return rows


def dead_by_reason(counts: Mapping[tuple[str, str, str], int]) -> Table:
    """Dead letters by destination and code."""
    totals: Counter[tuple[str, str]] = Counter()
    for (destination, _, code), letters in counts.items():
        totals[destination, code] += letters
    rows = Table("destination", "code", "dead letters")
    for (destination, code), letters in totals.most_common():
        rows.add_row(destination, code, f"{letters:,}")
    return rows


def balances(counts: Mapping[str, Any]) -> bool:
    """accepted = open + ready + waiting + in flight + delivered + dead + discarded."""
    places = ("open", "ready", "waiting", "in_flight", "delivered", "dead", "discarded")
    return bool(counts["accepted"] == sum(counts[place] for place in places))
