"""The values that a fault rule may have: each function reads one, or raises `ValueError` with what it must be."""

from __future__ import annotations

import re
from typing import Literal

from .api import Error, Json, Record

MAX_DELAY_S = 3600
_HEADER_TEXT = re.compile(r"[\x20-\x7e]+")


def text(value: Json) -> str:
    if not isinstance(value, str):
        raise ValueError("must be a string")
    return value


def some_text(value: Json) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("must be a string, and not an empty one")
    return value


def header_text(value: Json) -> str:
    header = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(header, str) or not _HEADER_TEXT.fullmatch(header):
        raise ValueError("must be a whole number of seconds or a date, in printable ASCII")
    return header


def whole(value: Json, low: int, high: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise ValueError(f"must be a whole number from {low} to {high}")
    return value


def number(value: Json, high: int) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= high:
        raise ValueError(f"must be a number from 0 to {high}")
    return float(value)


def status_number(value: Json) -> int:
    return whole(value, 200, 599)


def difference(value: Json) -> int:
    return whole(value, -1_000_000, 1_000_000)


def times(value: Json) -> int:
    return whole(value, 0, 2**53)


def probability(value: Json) -> float:
    return number(value, 1)


def seconds(value: Json) -> float:
    return number(value, MAX_DELAY_S)


def true(value: Json) -> bool:
    if value is not True:
        raise ValueError("must be true")
    return True


def rewrite(value: Json) -> bool | Record:
    if not isinstance(value, bool | dict):
        raise ValueError("must be true, false or an object of fields")
    return value


def errors(value: Json) -> tuple[Error, ...]:
    if not isinstance(value, list) or not value:
        raise ValueError("must be a list of at least one object of code and message")
    return tuple(map(_error, value))


def _error(value: Json) -> Error:
    if not isinstance(value, dict) or set(value) != {"code", "message"}:
        raise ValueError("must hold objects of code and message")
    return Error(text(value["code"]), text(value["message"]))


def when(value: Json) -> Literal["before", "after"]:
    if value == "before":
        return "before"
    if value == "after":
        return "after"
    raise ValueError('must be "before" or "after"')
