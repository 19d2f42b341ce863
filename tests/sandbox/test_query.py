"""The Query API: accounts, reports and their help, as Rokt's document has them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.query.samples import ACCOUNTS as DOCUMENTS_ACCOUNTS
from tests.query.samples import REQUEST as SAMPLE

from .conftest import Client
from .oauth import APP
from .query import (
    ACCOUNTS,
    CAMPAIGNS,
    ENDPOINTS,
    FORBIDDEN,
    NOT_FOUND,
    OF_ONE_ACCOUNT,
    ONE,
    TRANSACTIONS,
    UNAUTHORIZED,
    Query,
    assert_refused,
    refusal,
)
from .samples import encode


@pytest.fixture
def query(sandbox: Client) -> Query:
    return Query(sandbox)


def test_the_accounts_are_those_of_the_documents_sample(query: Query) -> None:
    answer = query.get(ACCOUNTS)
    assert answer.status_code == 200
    assert answer.headers["X-Rokt-Trace-Id"]
    assert answer.json() == DOCUMENTS_ACCOUNTS
    assert query.get(f"{ACCOUNTS}/{ONE}").json() == answer.json()[0]


def test_the_accounts_can_be_set(query: Query) -> None:
    assert query.accounts({"accountId": "1234567891011"}).status_code == 200
    assert query.get(f"{ACCOUNTS}/1234567891011").json() == {
        "accountId": "1234567891011",
        "accountName": "Example Account 1",
        "countryCode": "US",
        "accountOwner": "user@example.com",
        "accountCurrencyCode": "USD",
        "accountTimezone": "America/New_York",
        "accountTimezoneOffset": -300,
    }
    assert query.get(f"{ACCOUNTS}/{ONE}").status_code == 404
    query.sandbox.http.post("/_sandbox/reset")
    assert [item["accountId"] for item in query.sandbox.ask("query")["accounts"]] == ["1234567891011"]


@pytest.mark.parametrize(
    "value",
    [
        [],
        1,
        {},
        {"accounts": {}},
        {"accounts": [1]},
        {"accounts": [{}]},
        {"accounts": [{"accountId": 1}]},
        {"accounts": [{"accountId": ""}]},
        {"accounts": [{"accountId": "a/b"}]},
        {"accounts": [{"accountId": "a", "acces": True}]},
        {"accounts": [{"accountId": "a", "access": 1}]},
        {"accounts": [{"accountId": "a", "accountName": 1}]},
        {"accounts": [{"accountId": "a", "accountTimezoneOffset": True}]},
        {"accounts": [{"accountId": "a", "countryCode": None}]},
    ],
)
def test_wrong_accounts_are_refused_and_the_old_ones_stay(query: Query, value: Any) -> None:
    answer = query.sandbox.http.put("/_sandbox/query", content=encode(value))
    assert (answer.status_code, answer.json()["data"]["code"]) == (400, "InvalidAccounts")
    assert len(query.get(ACCOUNTS).json()) == 2


@pytest.mark.parametrize(("method", "path", "_failure"), ENDPOINTS)
@pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer unknown", "Basic YTpi"])
def test_every_endpoint_wants_a_token(query: Query, method: str, path: str, _failure: str, authorization: str) -> None:
    answer = query.ask(method, path, SAMPLE, authorization=authorization)
    assert refusal(answer) == (401, "Unauthorized", UNAUTHORIZED)


@pytest.mark.parametrize(("method", "path", "_failure"), OF_ONE_ACCOUNT)
def test_an_account_that_does_not_exist_is_404(query: Query, method: str, path: str, _failure: str) -> None:
    answer = query.ask(method, path.replace(ONE, "unknown"), SAMPLE)
    text = "Account with the specified ID does not exist" if path.endswith(ONE) else NOT_FOUND
    assert refusal(answer) == (404, "NotFound", text)


@pytest.mark.parametrize(("method", "path", "_failure"), OF_ONE_ACCOUNT)
def test_an_account_without_access_is_403(query: Query, method: str, path: str, _failure: str) -> None:
    query.accounts({"accountId": ONE, "access": False}, {"accountId": "other"})
    assert refusal(query.ask(method, path, SAMPLE)) == (403, "Forbidden", FORBIDDEN)
    assert [item["accountId"] for item in query.get(ACCOUNTS).json()] == ["other"]


def test_somebody_without_accounts_is_told_404(query: Query) -> None:
    query.accounts({"accountId": ONE, "access": False})
    assert refusal(query.get(ACCOUNTS)) == (404, "NotFound", "User does not have any accounts")


def test_with_a_table_an_app_has_its_accounts(query: Query) -> None:
    query.sandbox.credentials({ONE: APP, "acc_123456790": {"app_id": "x", "app_secret": "y"}})
    assert [item["accountId"] for item in query.get(ACCOUNTS).json()] == [ONE]
    assert query.get(f"{ACCOUNTS}/acc_123456790").status_code == 403


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", CAMPAIGNS[:-1], 404),
        ("POST", f"{TRANSACTIONS}/", 404),
        ("GET", f"{ACCOUNTS}/", 404),
        ("GET", f"{ACCOUNTS}/{ONE}/nothing", 404),
        ("GET", CAMPAIGNS, 405),
        ("POST", ACCOUNTS, 405),
    ],
)
def test_other_paths_and_methods_are_errors_in_the_same_form(query: Query, method: str, path: str, status: int) -> None:
    assert refusal(query.ask(method, path, SAMPLE))[0] == status


def test_the_documents_own_report_is_answered(query: Query) -> None:
    answer = query.ask("POST", CAMPAIGNS, SAMPLE)
    assert answer.status_code == 200
    body = answer.json()
    assert list(body) == ["data", "accountId", "queryTimeMs"]
    assert body["accountId"] == ONE
    assert isinstance(body["queryTimeMs"], int)
    assert body["data"]
    for row in body["data"]:
        assert set(row) == {
            "datetime",
            "impressions",
            "referrals",
            "gross_cost",
            "campaign_id",
            "creative_id",
            "age_group",
        }
        assert row["datetime"] == "2025-03-04T00:00:00Z"
        assert row["campaign_id"] == "3427232771076128951"
        assert all(isinstance(row[metric], float) for metric in ("impressions", "referrals", "gross_cost"))
    referrals = [row["referrals"] for row in body["data"]]
    assert referrals == sorted(referrals, reverse=True)


@pytest.mark.parametrize(
    ("path", "help_path"), [(CAMPAIGNS, f"{CAMPAIGNS}help"), (TRANSACTIONS, f"{TRANSACTIONS}/help")]
)
def test_every_slug_that_help_names_may_be_asked_for(query: Query, path: str, help_path: str) -> None:
    told = query.get(help_path).json()
    assert list(told) == ["dimensions", "metrics"]
    assert all(set(item) == {"slug", "description"} and item["description"] for kind in told for item in told[kind])
    slugs = {kind: [item["slug"] for item in told[kind]] for kind in told}
    for row in query.rows(path, **slugs):
        assert set(row) == {*slugs["dimensions"], *slugs["metrics"]}


def test_help_names_what_the_documents_sample_names(query: Query) -> None:
    told = query.get(f"{CAMPAIGNS}help").json()
    assert {"slug": "age_range", "description": "The age range of the user"} in told["dimensions"]
    assert {"slug": "cpa", "description": "The Cost per Acquisition for the ad"} in told["metrics"]
    slugs = {item["slug"] for kind in told for item in told[kind]}
    assert {"campaign_id", "creative_id", "device", "impressions", "referrals", "gross_cost"} <= slugs
    assert "clickthru_acquisitions" in slugs
    assert "age_group" not in slugs


def test_the_reports_have_metrics_and_dimensions_of_their_own(query: Query) -> None:
    assert query.report(TRANSACTIONS, metrics=["transactions"], dimensions=["page_type"]).status_code == 200
    assert_refused(query.report(TRANSACTIONS, metrics=["gross_cost"]), "metrics")
    assert_refused(query.report(metrics=["transactions"]), "metrics")
    assert_refused(query.report(dimensions=["page_type"]), "dimensions")


def test_the_same_request_gets_the_same_rows(query: Query) -> None:
    fields: dict[str, Any] = {"interval": "day", "dimensions": ["device"]}
    rows = query.rows(**fields)
    assert rows == query.rows(**fields)
    with_more = query.rows(**fields, metrics=["referrals", "impressions"])
    assert [row["impressions"] for row in with_more] == [row["impressions"] for row in rows]
    other = query.report(f"{ACCOUNTS}/acc_123456790/campaigns/", **fields).json()["data"]
    assert [row["impressions"] for row in other] != [row["impressions"] for row in rows]


@pytest.mark.parametrize(
    ("interval", "start", "end", "moments"),
    [
        ("day", "2025-02-28", "2025-03-02", ["2025-02-28", "2025-03-01"]),
        ("day", "2025-03-04 10:00:00", "2025-03-05 00:00:01", ["2025-03-04", "2025-03-05"]),
        ("week", "2025-03-05", "2025-03-11", ["2025-03-03", "2025-03-10"]),
        ("month", "2024-11-30", "2025-01-02", ["2024-11-01", "2024-12-01", "2025-01-01"]),
        ("year", "2023-06-01", "2025-01-01", ["2023-01-01", "2024-01-01"]),
        ("year", "2099-06-01", "2099-12-31", ["2099-01-01"]),
    ],
)
def test_there_is_a_row_for_each_interval(
    query: Query, interval: str, start: str, end: str, moments: list[str]
) -> None:
    rows = query.rows(interval=interval, startDate=start, endDate=end)
    assert [row["datetime"] for row in rows] == [f"{day}T00:00:00Z" for day in moments]
