"""What a storm comes to: a table for a person, JSON for a program, and whether every promise was kept."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any

from rich.table import Table

from tests.chaos import checks
from tests.chaos.duplicates import duplicates
from tests.chaos.evidence import Evidence
from tests.chaos.plan import Plan

SHOWN = 10  # findings of a kind


@dataclass(frozen=True)
class Summary:
    """Counts, and `broken`: what speaks against a promise, in words. Nothing: the storm was passed."""

    seed: int
    seconds: float
    enqueued: dict[str, int]
    accepted: dict[str, int]
    delivered: dict[str, int]
    dead_by_code: dict[str, int]
    strikes: dict[str, int]
    faults: dict[str, int]
    requests_by_status: dict[str, int]
    duplicates: int
    duplicates_possible: int
    possible_because: dict[str, int]
    duplicates_unexplained: int
    lost: int
    uninvited: int
    wrong_deaths: int
    order_breaks: int
    ledger_looks: int
    ledger_differences: int
    broken: list[str]

    @property
    def passed(self) -> bool:
        return not self.broken

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "passed": self.passed}

    def table(self) -> Table:
        """A row a count; those by something are told in one cell."""
        rows = Table("storm", "passed" if self.passed else "BROKEN")
        for name, value in asdict(self).items():
            if name != "broken":
                rows.add_row(name.replace("_", " "), _told(value))
        return rows


def summary_of(plan: Plan, seen: Evidence, failed: list[str]) -> Summary:
    """`failed`: what went wrong besides the checks."""
    twice = duplicates(seen)
    found = {
        "lost": checks.lost(seen),
        "uninvited": checks.uninvited(seen),
        "wrong_deaths": checks.wrong_deaths(seen),
        "order_breaks": checks.order_breaks(seen),
        "ledger_differences": checks.unbalanced(seen),
    }
    strikes = Counter(kill.kind for kill in seen.weather.kills)
    strikes.update({"worker that gave up over its pool": seen.gave_up} if seen.gave_up else {})
    also = [*twice.unexplained, *seen.logs.surprises, *(f"ended by itself: {text}" for text in seen.died)]
    return Summary(
        seed=plan.seed,
        seconds=plan.seconds,
        enqueued=_sorted(Counter(entry.told for entry in seen.entries.values())),
        accepted={name: counts["accepted"] for name, counts in seen.ledger.items()},
        delivered={name: counts["delivered"] for name, counts in seen.ledger.items()},
        dead_by_code=_sorted(Counter(_code(letter) for letter in seen.letters)),
        strikes=_sorted(strikes),
        faults=_sorted(seen.weather.faults),
        requests_by_status=_sorted(Counter(seen.by_status)),
        duplicates=twice.came,
        duplicates_possible=twice.most,
        possible_because=_sorted(twice.bound),
        duplicates_unexplained=len(twice.unexplained),
        ledger_looks=seen.looks.looks,
        broken=[line for lines in (failed, *found.values(), also) for line in lines[:SHOWN]],
        **{name: len(lines) for name, lines in found.items()},
    )


def _told(value: dict[str, int] | float) -> str:
    if isinstance(value, dict):
        return "\n".join(f"{name}: {count:,}" for name, count in value.items()) or "-"
    return f"{value:,}"


def _code(letter: dict[str, Any]) -> str:
    return f"{letter['destination']} {letter['reasons'][0]['code'] if letter['reasons'] else 'without a reason'}"


def _sorted(counts: Counter[str]) -> dict[str, int]:
    return dict(sorted(counts.items()))
