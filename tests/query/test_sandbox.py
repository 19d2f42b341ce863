"""The client and the command against the project's sandbox, over HTTP: what the stand-in allows holds there too."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from producers.destinations.answers import Answer, Request
from tests.query.conftest import NOW
from tests.query.runner import Run, forwarder_query
from worker.http import HttpTransport
from worker.query import errors
from worker.query.access import AppPair
from worker.query.client import QueryClient
from worker.query.endpoints import ADVERTISER, PARTNER, Side
from worker.query.model import Help
from worker.query.report_request import OrderBy, ReportRequest
from worker.sandbox.app import create_app
from worker.sandbox.server import running

SIDES = pytest.mark.parametrize("side", [ADVERTISER, PARTNER])
QUERY = "/v1/query/accounts"
UNSET = (
    *("FORWARDER_ENV", "FORWARDER_QUERY_URL", "FORWARDER_AUTH_URL", "FORWARDER_CREDENTIALS_FILE"),
    *("ROKT_APP_ID", "ROKT_APP_SECRET", "ROKT_BEARER_TOKEN"),
)


class Sandbox:
    """The sandbox at `url`, and its settings."""

    def __init__(self, url: str, transport: HttpTransport) -> None:
        self.url = url
        self._transport = transport

    async def set(self, name: str, value: Any) -> None:
        request = Request(f"{self.url}/_sandbox/{name}", {}, json.dumps(value).encode(), "PUT")
        answer = await self._transport.post(request, 20)
        assert isinstance(answer, Answer)
        assert answer.status == 200, answer.body

    def client(self, access: AppPair) -> QueryClient:
        return QueryClient(self._transport, self.url, self.url, access, 20, lambda: NOW)


@pytest.fixture
async def sandbox(transport: HttpTransport) -> AsyncIterator[Sandbox]:
    async with running(create_app()) as server:
        yield Sandbox(server.url, transport)


@pytest.fixture
def client(sandbox: Sandbox) -> QueryClient:
    return sandbox.client(AppPair("app-1", "secret-1"))


def everything(known: Help, **fields: Any) -> ReportRequest:
    """Asks for all that the help names."""
    usual: dict[str, Any] = {
        "start_date": "2025-03-04",
        "end_date": "2025-03-06 00:00:00",
        "metrics": [term.slug for term in known.metrics],
        "dimensions": [term.slug for term in known.dimensions],
    }
    return ReportRequest(**{**usual, **fields})


async def an_account(client: QueryClient) -> str:
    return (await client.accounts())[0].account_id


async def test_each_of_the_users_accounts_can_be_looked_up(client: QueryClient) -> None:
    for account in await client.accounts():
        assert await client.account(account.account_id) == account


@SIDES
async def test_a_report_of_all_that_the_help_names_has_it_in_every_row(client: QueryClient, side: Side) -> None:
    account = await an_account(client)
    known = await client.help(side, account)
    request = everything(known, interval="day", limit=5, timezone_variation="Australia/Sydney", currency_code="AUD")
    report = await client.report(side, account, request)
    assert 0 < len(report.data) <= 5
    assert all(row.keys() == {"datetime", *request.metrics, *request.dimensions} for row in report.data)
    assert report.account_id == account
    assert report.query_time_ms is not None


@SIDES
async def test_a_report_without_interval_has_no_datetime(client: QueryClient, side: Side) -> None:
    account = await an_account(client)
    report = await client.report(side, account, everything(await client.help(side, account)))
    assert report.data
    assert not any("datetime" in row for row in report.data)


async def test_rows_are_filtered_and_sorted_as_asked(client: QueryClient) -> None:
    account = await an_account(client)
    request = everything(await client.help(ADVERTISER, account), order_bys=[OrderBy("impressions", "desc")])
    rows = (await client.advertiser_report(account, request)).data
    assert [row["impressions"] for row in rows] == sorted((row["impressions"] for row in rows), reverse=True)
    wanted = rows[0]["campaign_id"]
    filtered = ReportRequest(
        start_date=request.start_date,
        end_date=request.end_date,
        metrics=["impressions"],
        dimensions=["campaign_id"],
        dimension_filters={"campaign_id": [wanted]},
    )
    found = (await client.advertiser_report(account, filtered)).data
    assert {row["campaign_id"] for row in found} == {wanted}


async def test_the_documents_slip_is_found_with_the_sandboxs_help(client: QueryClient) -> None:
    account = await an_account(client)
    request = everything(await client.advertiser_help(account), dimensions=["age_group"])
    with pytest.raises(errors.InvalidQuery, match=r"dimensions\[0\]: .*did you mean age_range\?"):
        await client.advertiser_report(account, request)


async def test_sorting_by_datetime_answers_400_and_the_error_says_so(client: QueryClient) -> None:
    account = await an_account(client)
    known = await client.advertiser_help(account)
    request = everything(known, interval="day", order_bys=[OrderBy("datetime", "asc")])
    with pytest.raises(errors.BadRequest, match="sorts by datetime"):
        await client.advertiser_report(account, request)


async def test_revoked_tokens_are_renewed(client: QueryClient, sandbox: Sandbox) -> None:
    before = await client.accounts()
    await sandbox.set("oauth", {"revoke": True})
    assert await client.accounts() == before


async def test_a_token_that_is_over_at_once_is_told(client: QueryClient, sandbox: Sandbox) -> None:
    await sandbox.set("oauth", {"expires_in": 0})
    with pytest.raises(errors.QueryFailed):
        await client.accounts()


async def test_an_app_that_does_not_exist_is_told(sandbox: Sandbox) -> None:
    await sandbox.set("credentials", {"1": {"app_id": "app-1", "app_secret": "secret-1"}})
    with pytest.raises(errors.NotAuthenticated, match="the app id and app secret were refused") as caught:
        await sandbox.client(AppPair("app-1", "wr0ng")).accounts()
    assert "wr0ng" not in str(caught.value)


async def test_the_command_needs_no_settings_for_the_sandbox_but_its_address(sandbox: Sandbox, tmp_path: Path) -> None:
    async def run(*arguments: str) -> Run:
        unset = dict.fromkeys(UNSET)
        own = {"FORWARDER_SANDBOX_URL": sandbox.url, "FORWARDER_DATA_DIR": str(tmp_path)}
        return await forwarder_query({**unset, **own}, *arguments)

    listed = await run("accounts", "--json")
    assert listed.status == 0, listed.err
    account = json.loads(listed.out)[0]["accountId"]
    period = ("--from", "2025-03-04", "--to", "2025-03-05")
    report = await run("report", account, *period, "-m", "impressions", "-d", "campaign_id", "--csv")
    assert report.status == 0, report.err
    assert report.out.startswith("campaign_id,impressions\r\n")
