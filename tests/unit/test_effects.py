"""Effects: announced under known names to whoever listens, and nearly free where nobody does."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from timeit import timeit

import pytest

from producers import effects
from producers.effects import effect
from tests.unit.imports import source_files
from worker.buffer.calls import SCRIPTS
from worker.effects import EFFECTS


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    told: list[tuple[str, str]] = []
    monkeypatch.setattr(effects, "observer", lambda moment, name: told.append((moment, name)))
    return told


def test_changes_that_travel_together_are_told_before_and_after_all_of_them(told: list[tuple[str, str]]) -> None:
    with effect("settle", "claim"):
        assert told == [("before", "settle"), ("before", "claim")]
    assert told[2:] == [("after", "settle"), ("after", "claim")]


def test_a_change_that_fails_is_told_to_its_end(told: list[tuple[str, str]]) -> None:
    """It may have happened all the same."""
    with pytest.raises(OSError), effect("append"):  # noqa: PT011 - whatever the network does
        raise OSError
    assert told == [("before", "append"), ("after", "append")]


def test_an_unknown_name_is_refused_where_somebody_listens(told: list[tuple[str, str]]) -> None:
    with pytest.raises(LookupError, match="apend"), effect("append", "apend"):
        pass
    assert told == []


def test_every_name_in_the_code_is_in_the_registry() -> None:
    """And every name in the registry is in the code."""
    written = {name for file in source_files("producers", "worker") for name in _names(file.read_text("utf-8"))}
    assert written | set(SCRIPTS) == set(EFFECTS)


def test_every_name_says_what_is_changed() -> None:
    assert all(EFFECTS.values())


def test_without_a_listener_an_effect_costs_next_to_nothing() -> None:
    """A quarter of a microsecond; the bound is far above it."""

    def once() -> None:
        with effect("append"):
            pass

    assert min(timeit(once, number=1_000) for _ in range(20)) / 1_000 < 5e-6


def _names(source: str) -> Iterator[str]:
    """What `effect` is called with, and what `_effects_of` says of a settlement."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "effect":
            yield from (each.value for each in node.args if isinstance(each, ast.Constant))  # type: ignore[misc]
        elif isinstance(node, ast.FunctionDef) and node.name == "_effects_of":
            body = [inner for each in node.body[1:] for inner in ast.walk(each)]
            yield from (each.value for each in body if isinstance(each, ast.Constant) and isinstance(each.value, str))
