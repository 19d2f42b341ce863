"""The tables at the end of the demo."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from rich.markup import escape
from rich.table import Table


def summary(
    counts: Mapping[str, Mapping[str, Any]], requests: Mapping[str, int], refused: int, seconds: float
) -> Table:
    """Requests and events a request of each API, and what it took."""
    title = f"{refused} refused by the producer; {seconds:.1f} s in all"
    rows = Table("", "accepted", "delivered", "dead", "requests", "events each", title=title)
    for name, each in counts.items():
        taken, sent = each["delivered"] + each["dead"], requests[name]
        fill = f"{taken / sent:.1f}" if sent else "-"
        rows.add_row(name, *(f"{each[state]:,}" for state in ("accepted", "delivered", "dead")), f"{sent:,}", fill)
    return rows


def dead_by_reason(counts: Mapping[tuple[str, str, str], int]) -> Table:
    """Dead letters by destination and code."""
    totals: Counter[tuple[str, str]] = Counter()
    for (destination, _, code), letters in counts.items():
        totals[destination, code] += letters
    rows = Table("destination", "code", "dead letters")
    for (destination, code), letters in totals.most_common():
        rows.add_row(destination, escape(code), f"{letters:,}")
    return rows


def balances(counts: Mapping[str, Any]) -> bool:
    """accepted = open + ready + waiting + in flight + delivered + dead + discarded."""
    places = ("open", "ready", "waiting", "in_flight", "delivered", "dead", "discarded")
    return bool(counts["accepted"] == sum(counts[place] for place in places))
