"""The Query API of the sandbox, continued."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from .conftest import Client
from .oauth import token
from .samples import encode

ACCOUNTS = "/v1/query/accounts"
ONE = "acc_123456789"
CAMPAIGNS = f"{ACCOUNTS}/{ONE}/campaigns/"
TRANSACTIONS = f"{ACCOUNTS}/{ONE}/transactions"
UNAUTHORIZED = "Failed to authenticate. Invalid token."
NOT_FOUND = "The requested resource was not found. Please validate your request is correct and try again."
FORBIDDEN = "User does not have access to the specified account"

ENDPOINTS = [
    ("GET", ACCOUNTS, "Server error while retrieving accounts"),
    ("GET", f"{ACCOUNTS}/{ONE}", "Server error while retrieving account"),
    ("POST", CAMPAIGNS, "Server error while generating report"),
    ("GET", f"{CAMPAIGNS}help", "Server error while retrieving metadata"),
    ("POST", TRANSACTIONS, "Server error while generating report"),
    ("GET", f"{TRANSACTIONS}/help", "Server error while retrieving metadata"),
]
OF_ONE_ACCOUNT = ENDPOINTS[1:]

SAMPLE = {
    "timezoneVariation": "America/New_York",
    "currencyCode": "USD",
    "interval": "day",
    "startDate": "2025-03-04",
    "endDate": "2025-03-05",
    "dimensionFilters": {"campaign_id": ["3427232771076128951"]},
    "metrics": ["impressions", "referrals", "gross_cost"],
    "dimensions": ["campaign_id", "creative_id", "age_group"],
    "orderBys": [{"column": "referrals", "direction": "desc"}],
}


class Query:
    """A client that holds a token."""

    def __init__(self, sandbox: Client) -> None:
        self.sandbox = sandbox
        self.headers = {"Authorization": f"Bearer {token(sandbox)}", "Content-Type": "application/json"}

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        content = body if isinstance(body, bytes) else encode(body)
        named = self.headers | {name.replace("_", "-").title(): value for name, value in headers.items()}
        return self.sandbox.http.request(
            method, path, content=None if body is None and method == "GET" else content, headers=named
        )

    def get(self, path: str) -> httpx.Response:
        return self.ask("GET", path)

    def report(self, path: str = CAMPAIGNS, **fields: Any) -> httpx.Response:
        """A small report; `fields` replace or add, `...` takes away."""
        body = {"startDate": "2025-03-04", "endDate": "2025-03-07", "metrics": ["impressions"]} | fields
        return self.ask("POST", path, {name: value for name, value in body.items() if value is not ...})

    def rows(self, path: str = CAMPAIGNS, **fields: Any) -> list[dict[str, Any]]:
        answer = self.report(path, **fields)
        assert answer.status_code == 200, answer.text
        data: list[dict[str, Any]] = answer.json()["data"]
        return data

    def accounts(self, *accounts: Any) -> httpx.Response:
        return self.sandbox.http.put("/_sandbox/query", content=encode({"accounts": list(accounts)}))


@pytest.fixture
def query(sandbox: Client) -> Query:
    return Query(sandbox)


def refusal(answer: httpx.Response) -> tuple[int, str, str]:
    assert set(answer.json()) == {"error"}
    error = answer.json()["error"]
    assert set(error) == {"code", "message"}
    return answer.status_code, error["code"], error["message"]


def assert_refused(answer: httpx.Response, field: str) -> None:
    status, code, message = refusal(answer)
    assert (status, code) == (400, "BadRequest")
    assert message.startswith(field), message


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
