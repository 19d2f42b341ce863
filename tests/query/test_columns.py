"""Columns are stable, CSV reads back as it was written, and no cell is a formula."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.query.samples import REPORT
from worker.query.columns import cells, columns_of, csv_text
from worker.query.model import Row
from worker.query.report_request import ReportRequest

ROWS: Any = REPORT["data"]


def request(**fields: Any) -> ReportRequest:
    usual = {"start_date": "2025-03-04", "end_date": "2025-03-05", "metrics": ["referrals", "impressions"]}
    return ReportRequest(**{**usual, **fields})


def written(rows: list[Row], columns: list[str]) -> list[list[str]]:
    return list(csv.reader(io.StringIO(csv_text(columns, rows), newline="")))


def test_datetime_comes_first_then_the_dimensions_then_the_metrics_as_they_were_asked_for() -> None:
    asked = request(interval="day", dimensions=["creative_id", "age_range"])
    assert columns_of(asked, ROWS)[:5] == ["datetime", "creative_id", "age_range", "referrals", "impressions"]


def test_what_else_the_rows_hold_follows_by_name() -> None:
    assert columns_of(request(), [{"b": 1, "referrals": 1}, {"a": 2}]) == ["referrals", "impressions", "a", "b"]


def test_no_row_changes_no_column() -> None:
    asked = request(interval="day", dimensions=["device"])
    assert columns_of(asked, []) == ["datetime", "device", "referrals", "impressions"]


def test_a_name_asked_for_twice_is_one_column() -> None:
    assert columns_of(request(metrics=["cpa", "cpa"], dimensions=["device", "device"]), []) == ["device", "cpa"]


def test_the_documents_example_as_csv() -> None:
    columns = ["datetime", "campaign_id", "impressions", "gross_cost"]
    assert csv_text(columns, ROWS[:1]) == (
        "datetime,campaign_id,impressions,gross_cost\r\n2025-03-04T00:00:00Z,3427232771076128951,1501.0,410.05\r\n"
    )


@pytest.mark.parametrize(
    "cell", ["=1+1", "+1+1", "-1+1", "@SUM(A1)", "-", "+", "--1", "-1e", "\t=1", "\r=1", "=cmd|' /C calc'!A0"]
)
def test_a_cell_that_would_be_a_formula_is_only_text(cell: str) -> None:
    assert written([{"a": cell}], ["a"]) == [["a"], [f"'{cell}"]]


@pytest.mark.parametrize("cell", ["-1", "+1", "-1.5", "-.5", "-1e-3", "+2E10", "5", "abc", "", "a=b", "26-35"])
def test_numbers_and_other_text_stay_as_they_are(cell: str) -> None:
    assert written([{"a": cell, "b": ""}], ["a", "b"])[1] == [cell, ""]


def test_a_columns_name_is_made_harmless_too() -> None:
    assert written([], ["=x"]) == [["'=x"]]


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, ""), (True, "true"), (-5, "-5"), (-0.25, "-0.25"), (1e300, "1e+300"), ([1, "é"], '[1, "é"]')],
)
def test_values_that_are_no_text(value: Any, text: str) -> None:
    assert cells({"a": value}, ["a", "b"]) == [text, ""]
    assert written([{"a": value, "b": 1}], ["a", "b"])[1] == [text, "1"]


texts = st.text(st.characters(exclude_categories=["Cs"]))


@given(st.lists(st.fixed_dictionaries({"a": texts, "b": texts | st.floats(allow_nan=False, allow_infinity=False)})))
def test_any_text_reads_back_but_for_the_apostrophe(rows: list[Row]) -> None:
    back = written(rows, ["a", "b"])[1:]
    assert len(back) == len(rows)
    for row, (text, other) in zip(rows, back, strict=True):
        assert text in (row["a"], f"'{row['a']}")
        expected = row["b"] if isinstance(row["b"], str) else json.dumps(row["b"])
        assert other in (expected, f"'{expected}")
