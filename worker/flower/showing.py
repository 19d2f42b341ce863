"""What Flower may know and show of a task: our counts, in words, and nothing else. Pure.

A task of ours holds no event. What is taken out here are the texts of surprises: whoever raised them may have quoted
what it worked on.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from typing import Any

HIDDEN = "…"
_LONGEST = 4_000
_ARGUMENTS = re.compile(r"[(\[](\d{0,4}),?[)\]]\Z")
_KEYWORDS = ("", "{}")
_FAILED = re.compile(r"DeliveryFailed\((.*)\)\Z", re.DOTALL)
_TYPE = re.compile(r"[A-Za-z_][\w.]{0,99}")
_NAME = re.compile(r"[A-Za-z0-9_.:-]{1,64}\Z")
Counts = dict[str, Any]  # name -> number; `codes` is such a dictionary again


def bare(event: Mapping[str, Any]) -> dict[str, Any]:
    """An event of Celery as Flower keeps it. Tracebacks are in the worker's log alone."""
    kept = {name: value for name, value in event.items() if name != "traceback"}
    for name, clean in (("args", _arguments), ("kwargs", _keywords), ("result", _result), ("exception", _exception)):
        if kept.get(name) is not None:
            kept[name] = clean(str(kept[name])[:_LONGEST])
    return kept


def format_task(task: Any) -> Any:
    """For Flower's pages: arguments, result and exception in words."""
    shard = _ARGUMENTS.match(str(task.args or ""))
    task.args = f"shard {shard[1]}" if shard and shard[1] else task.args
    task.result = words(_counts(str(task.result or ""))) or task.result
    failed = _FAILED.match(str(task.exception or ""))
    task.exception = (failed and words(_counts(failed[1]))) or task.exception
    return task


def words(counts: Counts | None) -> str:
    """A line that says what a delivery did; empty without counts."""
    if counts is None:
        return ""
    told = [f"{name.replace('_', ' ')} {number:,}" for name, number in counts.items() if name != "codes" and number]
    codes = [f"{code} {number:,}" for code, number in counts.get("codes", {}).items()]
    return ", ".join(told) + (f": {', '.join(codes)}" if codes else "") or "nothing was due"


def _arguments(text: str) -> str:
    return text if _ARGUMENTS.match(text) else HIDDEN


def _keywords(text: str) -> str:
    return text if text in _KEYWORDS else HIDDEN


def _result(text: str) -> str:
    counts = _counts(text)
    return HIDDEN if counts is None else str(counts)


def _exception(text: str) -> str:
    failed = _FAILED.match(text)
    counts = _counts(failed[1]) if failed else None
    if counts is not None:
        return f"DeliveryFailed({str(counts)!r})"
    kind = _TYPE.match(text)
    return f"{kind[0] if kind else ''}({HIDDEN})"


def _counts(text: str) -> Counts | None:
    """What a summary told, as text or as text in quotes; None for anything else."""
    value = _literal(text)
    value = _literal(value) if isinstance(value, str) else value
    if not isinstance(value, dict):
        return None
    plain = {str(name): number for name, number in value.items() if _is_count(name, number)}
    codes = value.get("codes")
    if isinstance(codes, dict):
        plain["codes"] = {str(name): number for name, number in codes.items() if _is_count(name, number)}
    return plain


def _is_count(name: object, number: object) -> bool:
    return isinstance(name, str) and _NAME.match(name) is not None and isinstance(number, int)


def _literal(text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None
