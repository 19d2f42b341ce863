"""The comparison as a picture: a bar a system and way, on a logarithmic scale. Readable on light and on dark."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from html import escape
from math import ceil, floor, log10

from tests.benchmarks.compare import words
from tests.benchmarks.compare.summary import Run

WIDTH, LEFT, RIGHT, TOP = 860, 330, 90, 34
ROW, BAR, TITLE = 22, 14, 34
_STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #1f2328 }
  .title { font-weight: 600 } .quiet, .scale { fill: #59636e } .scale { font-size: 11px }
  .grid { stroke: #d1d9e0 } .peer { fill: #8c959f } .ours { fill: #0969da }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc } .quiet, .scale { fill: #9198a1 } .grid { stroke: #3d444d } .ours { fill: #4493f8 }
  }
"""
SHOWN = ("W1", "W2")


def drawn(runs: Sequence[Run]) -> str:
    """SVG of the runs whose sink answers at once, without TLS."""
    shown = [run for run in runs if run.rates and not run.sink_ms and not run.tls and run.workload in SHOWN]
    if not shown:
        return _svg(TOP, [])
    scale = _Scale([run.rate for run in shown])
    lines, y = [], TOP
    for workload in SHOWN:
        group = sorted((run for run in shown if run.workload == workload), key=lambda run: -run.rate)
        if group:
            lines.append(_text(8, y + 20, words.WORKLOADS[workload] + ", events a second", "title"))
            y += TITLE
            for run in group:
                lines.append(_bar(run, y, scale))
                y += ROW
    return _svg(y + 10, [*scale.grid(y), *lines])


class _Scale:
    """From a whole power of ten to another."""

    def __init__(self, rates: Sequence[float]) -> None:
        self.low = floor(log10(max(1.0, min(rates)) / 1.01))
        self.high = max(self.low + 1, ceil(log10(max(rates))))

    def x(self, rate: float) -> float:
        share = (log10(max(1.0, rate)) - self.low) / (self.high - self.low)
        return LEFT + max(0.0, share) * (WIDTH - LEFT - RIGHT)

    def grid(self, bottom: int) -> Iterator[str]:
        for power in range(self.low, self.high + 1):
            x = self.x(10.0**power)
            yield f'<line class="grid" x1="{x:.1f}" y1="{TOP}" x2="{x:.1f}" y2="{bottom}"/>'
            yield _text(x, TOP - 10, f"{10**power:,}", "scale", "middle")


def _bar(run: Run, y: int, scale: _Scale) -> str:
    end = scale.x(run.rate)
    kind = "ours" if run.system == "forwarder" else "peer"
    name = f"{words.SYSTEMS[run.system]}, {words.MODES[run.mode]}"
    if run.callers > 1:
        name += f", {words.callers(run.callers)}"
    bar = f'<rect class="{kind}" x="{LEFT}" y="{y}" width="{max(1.0, end - LEFT):.1f}" height="{BAR}" rx="2"/>'
    return _text(LEFT - 8, y + 12, name, "", "end") + bar + _text(end + 6, y + 12, f"{run.rate:,.0f}", "quiet")


def _text(x: float, y: float, words_of_it: str, kind: str, anchor: str = "start") -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y}" text-anchor="{anchor}">{escape(words_of_it)}</text>'


def _svg(height: int, lines: Iterable[str]) -> str:
    title = "Events a second of this project beside its peers, on a logarithmic scale"
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{title}">'
    return "\n".join((head, f"<title>{title}</title>", f"<style>{_STYLE}</style>", *lines, "</svg>")) + "\n"
