"""What the commands of the benchmarks may be told."""

from __future__ import annotations

from argparse import ArgumentTypeError
from collections.abc import Callable


def positive(kind: Callable[[str], float], least: float | None = None) -> Callable[[str], float]:
    """A number above zero; or, where `least` is given, not below that."""

    def number(text: str) -> float:
        found = kind(text)
        if found <= 0 if least is None else found < least:
            raise ArgumentTypeError(f"{text} is not {'above 0' if least is None else f'at least {least:g}'}")
        return found

    number.__name__ = getattr(kind, "__name__", "number")  # as argparse says what is no number at all
    return number


def pair(text: str) -> tuple[str, str]:
    """NAME=VALUE."""
    name, is_there, value = text.partition("=")
    if not (name and is_there):
        raise ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return name, value
