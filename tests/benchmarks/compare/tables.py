"""The figures as tables in Markdown, which a terminal shows as well."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tests.benchmarks.compare import words
from tests.benchmarks.compare.summary import PARTS, Ratio, Run


def table(head: Sequence[str], rows: Iterable[Sequence[str]], right_from: int) -> str:
    """Columns from `right_from` on hold numbers."""
    rule = ["---"] * right_from + ["---:"] * (len(head) - right_from)
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, rule, *rows))


def runs(found: Iterable[Run], workload: str) -> str:
    head = (
        "how",
        "callers",
        "answers",
        "system",
        "events/s",
        "of the rounds",
        "CPU-s for 1,000",
        "requests",
        "enqueue p50 / p99 µs",
    )
    return table(head, (_row(run) for run in found if run.workload == workload), 4)


def _row(run: Run) -> tuple[str, ...]:
    named = (*_how(run), words.SYSTEMS[run.system])
    if not run.rates:
        return (*named, "no figure", "; ".join(run.failed), "", "", "")
    spread = f"{min(run.rates):,.0f} to {max(run.rates):,.0f}" + (f", {len(run.failed)} failed" if run.failed else "")
    took = f"{run.enqueue_us['p50']:,} / {run.enqueue_us['p99']:,}"
    return (*named, f"{run.rate:,.0f}", spread, f"{run.cpu_s_per_1000:g}", f"{run.requests:,}", took)


def _how(run: Run) -> tuple[str, ...]:
    callers = "-" if run.mode == "drain" else str(run.callers)
    return words.MODES[run.mode], callers, words.sink(run.sink_ms, run.tls)


def cpu(found: Iterable[Run]) -> str:
    """Where the processor's time goes, end to end."""
    head = ("system", "workload", "how", "callers", "answers", *PARTS, "together")
    shown = [run for run in found if run.rates and run.mode != "drain"]
    return table(head, map(_cpu_row, shown), 5)


def _cpu_row(run: Run) -> tuple[str, ...]:
    spent = [*(run.cpu_by[part] for part in PARTS), run.cpu_s_per_1000]
    named = (words.SYSTEMS[run.system], run.workload, *_how(run))
    return (*named, *(f"{1_000 * seconds:,.1f}" for seconds in spent))


def ratios(found: Iterable[Ratio]) -> str:
    rows = (
        (each.name, f"{each.value:,.3g}", f"at {each.at} {each.floor:g}", "yes" if each.met else "**no**")
        for each in found
    )
    return table(("", "measured", "aim", "reached"), rows, 1)
