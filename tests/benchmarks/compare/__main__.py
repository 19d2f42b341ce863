"""`make bench`: every system in turn, round after round; then medians, ratios, JSON, the page and its picture.

`python -m tests.benchmarks.compare [--quick] [--rounds 3] [--only SYSTEM] [--workload W1] [--mode MODE] [--events N]`.
Only a whole run writes into the docs, unless `--keep` says so or `--json FILE` names another place.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import defaultdict
from pathlib import Path

import msgspec

from tests.benchmarks.asked import pair, positive
from tests.benchmarks.compare import page, tables, words
from tests.benchmarks.compare.plan import CASES, Case, chosen
from tests.benchmarks.compare.programs import Broken
from tests.benchmarks.compare.running import Figure, run
from tests.benchmarks.compare.summary import ratios, summed
from tests.benchmarks.compare.systems import SETTINGS, SYSTEMS
from tests.benchmarks.compare.workloads import WORKLOADS, lines
from tests.benchmarks.machine import machine
from worker.stack.errors import StackError

ROUNDS = 3


def main() -> int:
    asked = arguments()
    if asked.redraw:
        page.keep(page.read())
        return 0
    quick: bool = asked.quick
    SETTINGS.update(asked.set)
    cases = chosen(
        only=asked.only,
        workload=asked.workload,
        mode=asked.mode,
        callers=asked.callers,
        sink_ms=asked.sink_ms,
        tls=asked.tls,
        quick=quick,
        scale=asked.scale,
        events=asked.events,
    )
    if missing := sorted({case.system for case in cases if not SYSTEMS[case.system].is_there}):
        tell(f"left out, since there is no .venv-peers (make bench makes it): {', '.join(missing)}")
        cases = [case for case in cases if case.system not in missing]
    if not cases:
        tell("nothing to run")
        return 2
    rounds = asked.rounds or (1 if quick else ROUNDS)
    measured = summary(all_rounds(cases, rounds), rounds)
    show(measured)
    if asked.json:
        asked.json.write_bytes(msgspec.json.format(msgspec.json.encode(measured)))
    whole = len(cases) == len(CASES) and rounds >= ROUNDS and not (asked.set or asked.events or asked.scale != 1)
    if asked.keep or (whole and not asked.json):
        page.keep(measured)
        tell(f"kept in {page.DOCS}")
    return 1 if any(each.failed for each in measured.runs) else 0


def all_rounds(cases: list[Case], rounds: int) -> dict[Case, list[Figure]]:
    figures: defaultdict[Case, list[Figure]] = defaultdict(list)
    began = time.monotonic()
    for number in range(1, rounds + 1):
        for case in cases:
            if number == 1 or not case.once:
                figures[case].append(one(case))
                told(case, figures[case][-1], f"{number}/{rounds} {time.monotonic() - began:4.0f} s")
    return figures


def one(case: Case) -> Figure:
    """A program that breaks costs this run its figure, and no other."""
    try:
        return run(case)
    except (Broken, StackError) as error:
        return Figure(0.0, {}, 0, 0, 0.0, faults=(str(error),))


def told(case: Case, figure: Figure, when: str) -> None:
    name = f"{case.system:<14} {case.workload} {case.mode:<8} {case.callers} {words.sink(case.sink_ms, case.tls):<12}"
    if figure.faults:
        tell(f"{when}  {name} NO FIGURE: {'; '.join(figure.faults)}")
        return
    cpu = "  ".join(f"{part} {seconds:.4f}" for part, seconds in figure.cpu.items())
    tell(f"{when}  {name} {figure.rate:>9,.0f}/s  {sum(figure.cpu.values()):.4f} CPU-s for 1,000 ({cpu})")


def summary(figures: dict[Case, list[Figure]], rounds: int) -> page.Measured:
    runs = [summed(case, found, SYSTEMS[case.system].settings(case.workload)) for case, found in figures.items()]
    return page.Measured(machine(), event_bytes(), rounds, runs, ratios(runs))


def event_bytes() -> int:
    """The mean of the two workloads whose events are records."""
    events = [event for workload in ("W1", "W2") for _, event in lines(workload, 2_000)]
    return round(sum(len(msgspec.json.encode(event)) for event in events) / len(events))


def show(measured: page.Measured) -> None:
    for workload in WORKLOADS:
        if any(each.workload == workload for each in measured.runs):
            tell(f"\n{words.WORKLOADS[workload]}\n\n{tables.runs(measured.runs, workload)}")
    tell(f"\nms of the processor for 1,000 events\n\n{tables.cpu(measured.runs)}")
    if measured.ratios:
        tell(f"\n{tables.ratios(measured.ratios)}\n")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.compare")
    parser.add_argument("--only", choices=sorted(SYSTEMS), help="one system")
    parser.add_argument("--workload", choices=sorted(WORKLOADS))
    parser.add_argument("--mode", choices=sorted(words.MODES))
    parser.add_argument("--callers", type=int, choices=sorted({case.callers for case in CASES}), help="processes")
    parser.add_argument("--sink-ms", type=int, choices=sorted({case.sink_ms for case in CASES}))
    parser.add_argument("--tls", action=argparse.BooleanOptionalAction, help="only the runs with it, or without")
    parser.add_argument("--rounds", type=positive(int), help=f"{ROUNDS} unless told; of --quick 1")
    parser.add_argument("--quick", action="store_true", help="what the ratios need, of fewer events: three minutes")
    parser.add_argument("--scale", type=positive(float), default=1, help="of the number of events")
    parser.add_argument("--events", type=positive(int), help="that many in every run")
    parser.add_argument(
        "--set", action="append", type=pair, default=[], metavar="NAME=VALUE", help="of this project's settings"
    )
    parser.add_argument("--json", type=Path, help="writes the figures there, and nothing into the docs")
    parser.add_argument("--redraw", action="store_true", help="the page and its picture from the JSON that is there")
    parser.add_argument("--keep", action="store_true", help="into the docs, though it is no whole run")
    return parser.parse_args()


def tell(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
