"""How figures are written."""

from __future__ import annotations


def count(number: float) -> str:
    return f"{number:,.0f}" if number >= 10 else f"{number:.1f}"


def share(part: float) -> str:
    return f"{100 * part:.0f} %" if part >= 0.1 else f"{100 * part:.1f} %"


def named_bytes(size: float) -> str:
    """In decimal units."""
    for unit, factor in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6)):
        if size >= factor:
            return f"{size / factor:.1f} {unit}" if size < 100 * factor else f"{size / factor:.0f} {unit}"
    return f"{size / 1e3:.0f} kB"


def cell(value: object) -> str:
    return "-" if value is None else str(value)
