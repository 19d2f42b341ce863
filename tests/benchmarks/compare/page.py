"""Keeps what was measured: the JSON, the tables of the page between their markers, and the picture."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from tests.benchmarks.compare import picture, tables
from tests.benchmarks.compare.summary import Ratio, Run
from tests.unit.imports import ROOT

DOCS = ROOT / "ops" / "docs"
JSON, PAGE, PICTURE = Path("measured/compare.json"), Path("benchmarks.md"), Path("images/bench-compare.svg")


class Measured(msgspec.Struct, frozen=True):
    """`event_bytes`: the mean of W1's and W2's events, as they are sent."""

    machine: dict[str, Any]
    event_bytes: int
    rounds: int
    runs: list[Run]
    ratios: list[Ratio]


def keep(measured: Measured, docs: Path = DOCS) -> None:
    """Writes all three."""
    file = docs / JSON
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(msgspec.json.format(msgspec.json.encode(measured), indent=1) + b"\n")
    (docs / PICTURE).write_text(picture.drawn(measured.runs), encoding="utf-8")
    page = docs / PAGE
    page.write_text(filled(page.read_text(encoding="utf-8"), parts(measured)), encoding="utf-8")


def read(docs: Path = DOCS) -> Measured:
    return msgspec.json.decode((docs / JSON).read_bytes(), type=Measured)


def parts(measured: Measured) -> dict[str, str]:
    """What stands between which markers."""
    found = {workload: tables.runs(measured.runs, workload) for workload in ("W1", "W2", "W3")}
    return {
        "machine": _machine(measured),
        "ratios": tables.ratios(measured.ratios),
        "cpu": tables.cpu(measured.runs),
        **found,
    }


def _machine(measured: Measured) -> str:
    of = measured.machine
    rounds = "one round" if measured.rounds == 1 else f"medians of {measured.rounds} rounds"
    return (
        f"Measured on {of['date']}: {of['cores']} cores ({of['cpu']}), Linux {of['kernel']}, Python {of['python']}, "
        f"{of['redis']}; events of {measured.event_bytes} bytes; {rounds}."
    )


def filled(text: str, parts: Mapping[str, str]) -> str:
    """The text with each part between `<!-- NAME -->` and `<!-- /NAME -->`."""
    for name, part in parts.items():
        before, begins, rest = text.partition(f"<!-- {name} -->\n")
        _, ends, after = rest.partition(f"<!-- /{name} -->")
        if not begins or not ends:
            raise ValueError(f"no place for {name}")
        text = f"{before}{begins}\n{part}\n\n{ends}{after}"
    return text
