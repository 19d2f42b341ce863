"""The ledger as a table for a person."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.table import Table

from worker.operating.status import STATES


def table(counts: Mapping[str, Mapping[str, Any]]) -> Table:
    """A row a state, a column a destination."""
    rows = Table("", *counts)
    for state in STATES:
        rows.add_row(state.replace("_", " "), *(f"{each[state]:,}" for each in counts.values()))
    rows.add_row("parked, of these", *(f"{each['parked']:,}" for each in counts.values()))
    rows.add_row("circuit", *(each["circuit"] for each in counts.values()))
    ages = (each["oldest_age_s"] for each in counts.values())
    rows.add_row("age of the oldest", *("-" if age is None else f"{age} s" for age in ages))
    return rows
