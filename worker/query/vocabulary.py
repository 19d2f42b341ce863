"""A report request against the metrics and dimensions that an account's help endpoint names: never a fixed list."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from difflib import get_close_matches

from producers.errors import Fault
from worker.query.model import Help
from worker.query.report_request import ReportRequest

DATETIME = "datetime"
_NEAR = 0.5  # the document's own slip, age_group for age_range, is 0.56 near


def unknown_names(request: ReportRequest, known: Help) -> list[Fault]:
    """Every metric, dimension, filter and sorting column that the help does not name, with the near match.

    Sorting by `datetime` is left to the server, whose help does not name it.
    """
    metrics = [term.slug for term in known.metrics]
    dimensions = [term.slug for term in known.dimensions]
    columns = [*metrics, *dimensions, DATETIME]
    return [
        *_unknown("metrics", request.metrics, "metric", metrics, dimensions),
        *_unknown("dimensions", request.dimensions, "dimension", dimensions, metrics),
        *_faults(
            ((f"dimensionFilters.{name}", name) for name in request.dimension_filters), "dimension", dimensions, metrics
        ),
        *_faults(
            ((f"orderBys[{index}].column", order.column) for index, order in enumerate(request.order_bys)),
            "metric or dimension",
            columns,
            [],
        ),
    ]


def _unknown(at: str, names: list[str], kind: str, right: list[str], other: list[str]) -> Iterator[Fault]:
    return _faults(((f"{at}[{index}]", name) for index, name in enumerate(names)), kind, right, other)


def _faults(named: Iterable[tuple[str, str]], kind: str, right: list[str], other: list[str]) -> Iterator[Fault]:
    for field, name in named:
        if name not in right:
            yield Fault(field, f"{name!r} is no {kind} of this account{_hint(name, kind, right, other)}")


def _hint(name: str, kind: str, right: list[str], other: list[str]) -> str:
    if name in other:
        return f": it is a {'metric' if kind == 'dimension' else 'dimension'}"
    near = get_close_matches(name, right, n=1, cutoff=_NEAR)
    return f"; did you mean {near[0]}?" if near else f" (known: {', '.join(right) or 'none'})"
