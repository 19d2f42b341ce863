"""A report request says every field of the document in its spelling, and its faults are told by field."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from tests.query.samples import REQUEST
from worker.query.report_request import OrderBy, ReportRequest, faults_in


def request(**fields: Any) -> ReportRequest:
    return ReportRequest(**{"start_date": "2025-03-04", "end_date": "2025-03-05", "metrics": ["impressions"], **fields})


def fields_at_fault(**fields: Any) -> list[str]:
    return [fault.field for fault in faults_in(request(**fields))]


def test_the_documents_example_is_written_as_it_stands_there() -> None:
    example = ReportRequest(
        timezone_variation="America/New_York",
        currency_code="USD",
        interval="day",
        start_date="2025-03-04",
        end_date="2025-03-05",
        dimension_filters={"campaign_id": ["3427232771076128951"]},
        metrics=["impressions", "referrals", "gross_cost"],
        dimensions=["campaign_id", "creative_id", "age_group"],
        order_bys=[OrderBy("referrals", "desc")],
    )
    assert faults_in(example) == []
    assert json.loads(example.body()) == REQUEST


def test_every_field_of_the_document_can_be_said() -> None:
    named = {field.encode_name for field in msgspec.structs.fields(ReportRequest)}
    assert named == {*REQUEST, "limit"}
    assert json.loads(request(limit=10).body())["limit"] == 10


def test_what_is_left_out_is_left_to_the_api() -> None:
    assert set(json.loads(request().body())) == {"startDate", "endDate", "metrics"}


@pytest.mark.parametrize("start", ["2025-03-04", "2025-03-04 00:00:00", "2024-02-29 23:59:59"])
def test_both_forms_of_a_date_are_taken(start: str) -> None:
    assert faults_in(request(start_date=start)) == []


@pytest.mark.parametrize(
    "start",
    [
        "",
        "today",
        "2025-02-29",
        "2025-13-01",
        "2025-3-4",
        "20250304",
        "2025-W10-2",
        "2025-03-04T00:00:00",
        "2025-03-04 24:00:00",
        "2025-03-04 00:00",
        "2025-03-04 00:00:00Z",
        "2025-03-04\n",
        "٢٠٢٥-٠٣-٠٤",
    ],
)
def test_other_forms_and_days_that_do_not_exist_are_not(start: str) -> None:
    assert fields_at_fault(start_date=start) == ["startDate"]


@pytest.mark.parametrize("end", ["2025-03-04", "2025-03-03", "2025-03-04 00:00:00"])
def test_the_end_is_exclusive_and_must_lie_after_the_start(end: str) -> None:
    assert fields_at_fault(end_date=end) == ["endDate"]
    assert "exclusive" in faults_in(request(end_date=end))[0].message


def test_one_day_by_the_hour_is_a_period() -> None:
    assert faults_in(request(start_date="2025-03-04 10:00:00", end_date="2025-03-04 10:00:01")) == []


@pytest.mark.parametrize("interval", ["day", "week", "month", "year", None])
def test_the_documents_intervals_are_taken(interval: str | None) -> None:
    assert faults_in(request(interval=interval)) == []


@pytest.mark.parametrize(
    ("fields", "at_fault"),
    [
        ({"interval": "hour"}, ["interval"]),
        ({"interval": ""}, ["interval"]),
        ({"metrics": []}, ["metrics"]),
        ({"metrics": ["a", ""]}, ["metrics[1]"]),
        ({"metrics": "impressions"}, ["metrics"]),
        ({"dimensions": [""]}, ["dimensions[0]"]),
        ({"limit": 0}, ["limit"]),
        ({"limit": -1}, ["limit"]),
        ({"limit": "10"}, ["limit"]),
        ({"order_bys": [OrderBy("referrals", "down")]}, ["orderBys[0].direction"]),
        ({"dimension_filters": {"device": []}}, ["dimensionFilters.device"]),
        ({"dimension_filters": {"device": [""]}}, ["dimensionFilters.device"]),
        ({"dimension_filters": {"device": "mobile"}}, ["dimensionFilters.device"]),
        ({"timezone_variation": ""}, ["timezoneVariation"]),
        ({"currency_code": ""}, ["currencyCode"]),
        ({"interval": "hour", "limit": 0, "start_date": "x"}, ["startDate", "interval", "limit"]),
    ],
)
def test_every_fault_is_told_by_field(fields: dict[str, Any], at_fault: list[str]) -> None:
    assert fields_at_fault(**fields) == at_fault
