"""Lines over time as the coordinates of an SVG, and the same as a table. Pure: the template draws."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol

from worker.console.text import clock, number

WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 380, 160, 44, 8, 22
TICKS, ROWS = 4, 60
Value = float | None


class Point(Protocol):
    """What is drawn of a sample: when (ms), rates a second, latencies in seconds."""

    @property
    def at(self) -> int: ...
    @property
    def delivered(self) -> float: ...
    @property
    def p50_s(self) -> float | None: ...
    @property
    def p95_s(self) -> float | None: ...


class Tick(NamedTuple):
    """A mark on an axis."""

    label: str
    x: float = 0
    y: float = 0
    anchor: str = "middle"


class Line(NamedTuple):
    """One series. `runs`: the points of each stretch without a gap; `style`: 1 to 3."""

    name: str
    style: int
    runs: list[str]
    last: str


class Chart(NamedTuple):
    """All that a template needs. `rows`: time and values, thinned out to what can be read."""

    title: str
    lines: list[Line]
    ticks: list[Tick]
    times: list[Tick]
    rows: list[list[str]]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT


def charts_of(series: Mapping[str, Sequence[Point]]) -> list[Chart]:
    """Throughput of each destination, and for each that had requests how long they took. Nothing without samples."""
    times = sorted({point.at for points in series.values() for point in points})
    if not times[1:]:  # no line yet
        return []
    delivered = {name: {point.at: point.delivered for point in points} for name, points in series.items()}
    drawn = [_chart("Delivered, events a second", times, delivered)]
    for name, points in series.items():
        if any(point.p95_s is not None for point in points):
            both: dict[str, dict[int, Value]] = {
                "p50": {point.at: _ms(point.p50_s) for point in points},
                "p95": {point.at: _ms(point.p95_s) for point in points},
            }
            drawn.append(_chart(f"{name}: requests took at most, milliseconds", times, both))
    return drawn


def _ms(seconds: float | None) -> Value:
    return None if seconds is None else seconds * 1_000


def _chart(title: str, times: Sequence[int], series: Mapping[str, Mapping[int, Value]]) -> Chart:
    top = _round_up(max((value for each in series.values() for value in each.values() if value), default=1))
    lines = [
        Line(name, index % 3 + 1, list(_runs(times, values, top)), _said(_last(values)))
        for index, (name, values) in enumerate(series.items())
    ]
    ticks = [Tick(number(top * step / TICKS), y=_y(top * step / TICKS, top)) for step in range(TICKS + 1)]
    every = math.ceil(len(times) / ROWS)
    rows = [[clock(at), *(_said(values.get(at)) for values in series.values())] for at in times[::-every]]
    return Chart(title, lines, ticks, _times(times), rows)


def _runs(times: Sequence[int], values: Mapping[int, Value], top: float) -> Iterator[str]:
    run: list[str] = []
    for at in times:
        value = values.get(at)
        if value is not None:
            run.append(f"{_x(at, times):.1f},{_y(value, top):.1f}")
        elif run:
            yield " ".join(run)
            run = []
    if run:
        yield " ".join(run)


def _times(times: Sequence[int]) -> list[Tick]:
    middle = (times[0] + times[-1]) // 2
    places = ((times[0], "start"), (middle, "middle"), (times[-1], "end"))
    return [Tick(clock(at), x=round(_x(at, times), 1), anchor=anchor) for at, anchor in places]


def _x(at: int, times: Sequence[int]) -> float:
    return LEFT + (WIDTH - LEFT) * (at - times[0]) / (times[-1] - times[0])


def _y(value: float, top: float) -> float:
    return round(TOP + (HEIGHT - TOP - BOTTOM) * (1 - value / top), 1)


def _round_up(value: float) -> float:
    """1, 2 or 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= value)


def _last(values: Mapping[int, Value]) -> Value:
    return values[max(values)] if values else None


def _said(value: Value) -> str:
    return "\N{EN DASH}" if value is None else number(round(value, 1))
