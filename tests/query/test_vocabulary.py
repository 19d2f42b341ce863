"""Names are checked against what the account's help says, and the near match is named."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from tests.query.samples import HELP, REQUEST
from worker.query.model import Help
from worker.query.report_request import OrderBy, ReportRequest
from worker.query.vocabulary import unknown_names

KNOWN = msgspec.convert(HELP, Help)


def told(**fields: Any) -> list[str]:
    usual = {"start_date": "2025-03-04", "end_date": "2025-03-05", "metrics": ["impressions"]}
    return [str(fault) for fault in unknown_names(ReportRequest(**{**usual, **fields}), KNOWN)]


def test_the_documents_own_slip_is_found_and_the_right_name_is_told() -> None:
    faults = unknown_names(msgspec.convert(REQUEST, ReportRequest), KNOWN)
    assert [str(fault) for fault in faults] == [
        "dimensions[2]: 'age_group' is no dimension of this account; did you mean age_range?"
    ]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        (
            {"metrics": ["impresions"]},
            "metrics[0]: 'impresions' is no metric of this account; did you mean impressions?",
        ),
        ({"metrics": ["device"]}, "metrics[0]: 'device' is no metric of this account: it is a dimension"),
        ({"dimensions": ["cpa"]}, "dimensions[0]: 'cpa' is no dimension of this account: it is a metric"),
        (
            {"dimension_filters": {"age_group": ["26-35"]}},
            "dimensionFilters.age_group: 'age_group' is no dimension of this account; did you mean age_range?",
        ),
        (
            {"order_bys": [OrderBy("referral", "asc")]},
            "orderBys[0].column: 'referral' is no metric or dimension of this account; did you mean referrals?",
        ),
        (
            {"dimensions": ["zzz"]},
            "dimensions[0]: 'zzz' is no dimension of this account (known: age_range, campaign_id, creative_id, device)",
        ),
    ],
)
def test_each_field_is_checked(fields: dict[str, Any], said: str) -> None:
    assert told(**fields) == [said]


def test_a_report_may_be_sorted_by_any_metric_or_dimension_and_datetime_is_the_servers_to_judge() -> None:
    columns = ("referrals", "device", "datetime")
    assert told(order_bys=[OrderBy(column, "asc") for column in columns]) == []


def test_a_name_that_is_new_in_the_help_is_known() -> None:
    new = msgspec.convert({"dimensions": [{"slug": "planet"}], "metrics": [{"slug": "joy"}]}, Help)
    asked = ReportRequest(start_date="2025-03-04", end_date="2025-03-05", metrics=["joy"], dimensions=["planet"])
    assert unknown_names(asked, new) == []
