"""What the Query API asks of a report, and what it refuses."""

from __future__ import annotations

from typing import Any

import pytest

from tests.query.samples import REQUEST as SAMPLE

from .conftest import Client
from .query import ACCOUNTS, CAMPAIGNS, ENDPOINTS, ONE, TRANSACTIONS, Query, assert_refused, refusal


@pytest.fixture
def query(sandbox: Client) -> Query:
    return Query(sandbox)


def test_without_an_interval_there_is_no_datetime(query: Query) -> None:
    (row,) = query.rows()
    assert set(row) == {"impressions"}
    assert {row["device"] for row in query.rows(dimensions=["device"])} == {"Desktop", "Mobile", "Tablet"}


def test_filters_let_through_only_what_they_name(query: Query) -> None:
    wanted = {"device": ["Mobile", "Tablet"], "gender": ["male"]}
    rows = query.rows(dimensions=["device", "gender"], dimensionFilters=wanted)
    assert {(row["device"], row["gender"]) for row in rows} == {("Mobile", "male"), ("Tablet", "male")}
    assert query.rows(dimensions=["device"], dimensionFilters={"device": ["Fridge"]}) == []
    assert len(query.rows(dimensionFilters={"device": ["Mobile"]})) == 1


def test_rows_are_ordered_and_cut(query: Query) -> None:
    order = [{"column": "device", "direction": "desc"}, {"column": "impressions"}]
    rows = query.rows(dimensions=["device", "gender"], orderBys=order)
    assert [row["device"] for row in rows] == ["Tablet"] * 2 + ["Mobile"] * 2 + ["Desktop"] * 2
    assert all(
        first["impressions"] <= second["impressions"] for first, second in zip(rows[::2], rows[1::2], strict=True)
    )
    assert query.rows(dimensions=["device", "gender"], orderBys=order, limit=2) == rows[:2]


WRONG: list[tuple[str, Any]] = [
    ("timezoneVariation", "Mars/Olympus"),
    ("timezoneVariation", "../etc/passwd"),
    ("timezoneVariation", ""),
    ("timezoneVariation", None),
    ("currencyCode", "usd"),
    ("currencyCode", "DOLLAR"),
    ("currencyCode", 1),
    ("interval", "hour"),
    ("interval", "Day"),
    ("interval", None),
    ("interval", []),
    ("startDate", ...),
    ("startDate", None),
    ("startDate", "2025-3-4"),
    ("startDate", "2025-03-04T00:00:00"),
    ("startDate", "2025-03-04T00:00:00Z"),
    ("startDate", "2025-03-04 00:00"),
    ("startDate", "2025-02-30"),
    ("startDate", "2025-03-04 24:00:00"),
    ("startDate", "1999-12-31"),
    ("startDate", 20250304),
    ("endDate", ...),
    ("endDate", "2100-01-01"),
    ("endDate", "2025-03-04"),
    ("endDate", "2025-03-03"),
    ("endDate", "2025-03-03 23:59:59"),
    ("metrics", ...),
    ("metrics", []),
    ("metrics", "impressions"),
    ("metrics", ["clicks"]),
    ("metrics", ["impressions", 1]),
    ("metrics", [["impressions"]]),
    ("metrics", ["campaign_id"]),
    ("dimensions", None),
    ("dimensions", "device"),
    ("dimensions", ["impressions"]),
    ("dimensions", ["colour"]),
    ("dimensionFilters", None),
    ("dimensionFilters", []),
    ("dimensionFilters", {"colour": ["red"]}),
    ("dimensionFilters", {"impressions": ["1"]}),
    ("dimensionFilters", {"device": []}),
    ("dimensionFilters", {"device": "Mobile"}),
    ("dimensionFilters", {"device": [1]}),
    ("orderBys", None),
    ("orderBys", {}),
    ("orderBys", [{"column": "datetime"}]),
    ("orderBys", [{"column": "referrals"}]),
    ("orderBys", [{"direction": "asc"}]),
    ("orderBys", [{"column": "impressions", "direction": "up"}]),
    ("orderBys", [{"column": "impressions", "order": "asc"}]),
    ("orderBys", ["impressions"]),
    ("orderBys", [{"column": ["impressions"]}]),
    ("limit", 0),
    ("limit", -1),
    ("limit", 1_000_001),
    ("limit", 1.5),
    ("limit", "10"),
    ("limit", True),
    ("limit", None),
    ("offset", 1),
]


@pytest.mark.parametrize(("field", "value"), WRONG)
@pytest.mark.parametrize("path", [CAMPAIGNS, TRANSACTIONS])
def test_a_wrong_field_is_named(query: Query, path: str, field: str, value: Any) -> None:
    assert_refused(query.report(path, **{"interval": "day", field: value}), field)


def test_both_forms_of_a_date_are_read(query: Query) -> None:
    assert query.report(startDate="2025-03-04 23:59:59", endDate="2025-03-05").status_code == 200
    assert query.report(startDate="2025-03-04 00:00:00", endDate="2025-03-04 00:00:01").status_code == 200


def test_a_report_of_too_many_rows_is_refused(query: Query) -> None:
    dimensions = ["creative_id", "age_range", "gender", "device", "audience_name"]
    answer = query.report(interval="day", startDate="2000-01-01", endDate="2099-12-31", dimensions=dimensions)
    assert_refused(answer, "a report of more than")


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"\xff", b"[" * 5000])
def test_a_body_that_is_no_object_is_400(query: Query, body: bytes) -> None:
    assert refusal(query.ask("POST", CAMPAIGNS, body))[:2] == (400, "BadRequest")


def test_a_report_is_asked_for_in_json(query: Query) -> None:
    assert_refused(query.ask("POST", CAMPAIGNS, SAMPLE, content_type="text/plain"), "Content-Type")


@pytest.mark.parametrize(("method", "path", "failure"), ENDPOINTS)
def test_a_fault_has_the_endpoints_own_words(query: Query, method: str, path: str, failure: str) -> None:
    query.sandbox.rules({"match": {"path": path}, "status": 500, "times": 1}, {"status": 429, "retry_after": 2})
    assert refusal(query.ask(method, path, SAMPLE)) == (500, "InternalServerError", failure)
    limited = query.ask(method, path, SAMPLE)
    assert refusal(limited)[:2] == (429, "TooManyRequests")
    assert limited.headers["Retry-After"] == "2"


def test_the_requests_are_listed_by_account(query: Query) -> None:
    query.get(ACCOUNTS)
    query.report()
    query.get(f"{ACCOUNTS}/other")
    rows = query.sandbox.ask("requests")["requests"][1:]  # the first one asked for the token
    assert [(row["api"], row["account"], row["status"]) for row in rows] == [
        ("query", None, 200),
        ("query", ONE, 200),
        ("query", "other", 404),
    ]
    assert query.sandbox.ask("summary", account=ONE)["requests"]["by_status"] == {"200": 1}
