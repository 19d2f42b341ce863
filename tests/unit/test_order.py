"""The order of the test files: each that it names is there, and those that share a forwarder stay together."""

from __future__ import annotations

import pytest

from tests.support.order import LONGEST, SHARING, rank, unit_of
from tests.unit.imports import ROOT


@pytest.mark.parametrize("unit", LONGEST)
def test_what_the_order_names_is_there_and_is_a_unit(unit: str) -> None:
    assert (ROOT / unit).exists()
    assert unit_of(f"{unit}::test" if unit.endswith(".py") else f"{unit}test_one.py::test") == unit


def test_the_longest_come_first_and_those_that_share_a_forwarder_together() -> None:
    assert sorted(["tests/unit/test_one.py", LONGEST[1], LONGEST[0]], key=rank) == [
        *LONGEST[:2],
        "tests/unit/test_one.py",
    ]
    assert {unit_of(f"{folder}test_{name}.py::test") for folder in SHARING for name in "ab"} == set(SHARING)
