"""JSON as RFC 8259 has it: stricter than the standard library, and safe with any bytes."""

from __future__ import annotations

import json
import math
from typing import NoReturn, cast

from .api import Json

MAX_DEPTH = 32
"""Levels of lists and objects. No API has more than six; a limit keeps later work on the data free of recursion."""


_CONTAINERS = (list, dict)


class NotJson(ValueError):
    """The bytes are not JSON in UTF-8, or hold what JSON cannot: NaN, infinities, lone surrogates, endless nesting."""


def parse(body: bytes) -> Json:
    """Parse a body; raises `NotJson` and nothing else."""
    try:
        value = cast(Json, _DECODER.decode(body.decode("utf-8")))
        if b"\\u" in body:
            dump(value, ascii_only=False)  # a lone surrogate can be escaped into a string, but not encoded
    except (ValueError, RecursionError) as error:
        raise NotJson("unable to unmarshal request body") from error
    if body.count(b"[") + body.count(b"{") > MAX_DEPTH and _too_deep(value):
        raise NotJson(f"the body is nested deeper than {MAX_DEPTH} levels")
    return value


def dump(value: Json, *, ascii_only: bool = True, sort_keys: bool = False) -> bytes:
    """The shortest JSON text of a value, in UTF-8."""
    return json.dumps(value, ensure_ascii=ascii_only, sort_keys=sort_keys, separators=(",", ":")).encode()


def _too_deep(value: Json) -> bool:
    """Level by level: recursion would be what this guards against."""
    level: list[list[Json] | dict[str, Json]] = [value] if isinstance(value, list | dict) else []
    for _ in range(MAX_DEPTH):
        children = (node.values() if isinstance(node, dict) else node for node in level)
        level = [child for siblings in children for child in siblings if isinstance(child, _CONTAINERS)]
    return bool(level)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError("a number is too large")
    return number


_DECODER = json.JSONDecoder(parse_constant=_refuse_constant, parse_float=_finite)
