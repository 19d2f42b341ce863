"""The client asks what the document says and reads what it answers, over HTTP."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from tests.query.conftest import MakeClient
from tests.query.samples import ACCOUNT, ACCOUNTS, HELP, PARTNER_HELP, PARTNER_REPORT, REPORT, REQUEST
from tests.query.stand_in import CAMPAIGNS, CAMPAIGNS_HELP, ROOT, TOKEN, TRANSACTIONS, TRANSACTIONS_HELP, StandIn
from worker.query import errors
from worker.query.access import BearerToken
from worker.query.client import QueryClient
from worker.query.report_request import OrderBy, ReportRequest

ASKED = msgspec.convert({**REQUEST, "dimensions": ["campaign_id", "creative_id", "age_range"]}, ReportRequest)
PARTNER_ASKED = ReportRequest(
    start_date="2025-03-04", end_date="2025-03-05", metrics=["transactions"], dimensions=["page_type"]
)
SORTED = msgspec.structs.replace(ASKED, order_bys=[OrderBy("datetime", "asc")])


async def test_accounts(client: QueryClient, rokt: StandIn) -> None:
    assert msgspec.to_builtins(await client.accounts()) == ACCOUNTS
    assert rokt.paths() == [f"POST {TOKEN}", f"GET {ROOT}"]


async def test_one_account(client: QueryClient) -> None:
    assert msgspec.to_builtins(await client.account("acc_123456789")) == ACCOUNTS[0]


async def test_a_user_without_accounts_has_an_empty_list_if_the_api_says_so(client: QueryClient, rokt: StandIn) -> None:
    rokt.next(ROOT, body=[])
    assert await client.accounts() == []


async def test_an_accounts_owner_is_optional_and_new_fields_are_passed_over(client: QueryClient, rokt: StandIn) -> None:
    rokt.next(ROOT, body=[{"accountId": "1", "accountName": "One", "accountColour": {"r": 1}}])
    [account] = await client.accounts()
    assert (account.account_id, account.account_owner) == ("1", None)


async def test_an_advertisers_report(client: QueryClient, rokt: StandIn) -> None:
    report = await client.advertiser_report(ACCOUNT, ASKED)
    assert msgspec.to_builtins(report) == REPORT
    assert rokt.paths() == [f"POST {TOKEN}", f"GET {CAMPAIGNS_HELP}", f"POST {CAMPAIGNS}"]
    assert json.loads(rokt.seen[-1].body) == {**REQUEST, "dimensions": ASKED.dimensions}


async def test_a_partners_report(client: QueryClient, rokt: StandIn) -> None:
    report = await client.partner_report(ACCOUNT, PARTNER_ASKED)
    assert msgspec.to_builtins(report) == PARTNER_REPORT
    assert rokt.paths() == [f"POST {TOKEN}", f"GET {TRANSACTIONS_HELP}", f"POST {TRANSACTIONS}"]


async def test_both_helps(client: QueryClient) -> None:
    assert msgspec.to_builtins(await client.advertiser_help(ACCOUNT)) == HELP
    assert msgspec.to_builtins(await client.partner_help(ACCOUNT)) == PARTNER_HELP


async def test_every_request_carries_the_token_and_the_documents_headers(client: QueryClient, rokt: StandIn) -> None:
    await client.advertiser_report(ACCOUNT, ASKED)
    for seen in rokt.seen[1:]:
        assert seen.headers["authorization"] == "Bearer token-1"
        assert seen.headers["content-type"] == "application/json"


async def test_a_name_that_help_does_not_know_is_refused_before_the_report_is_asked_for(
    client: QueryClient, rokt: StandIn
) -> None:
    with pytest.raises(errors.InvalidQuery, match="did you mean age_range"):
        await client.advertiser_report(ACCOUNT, msgspec.convert(REQUEST, ReportRequest))
    assert f"POST {CAMPAIGNS}" not in rokt.paths()


async def test_a_request_that_is_wrong_by_itself_asks_nobody(client: QueryClient, rokt: StandIn) -> None:
    with pytest.raises(errors.InvalidQuery) as caught:
        await client.advertiser_report(ACCOUNT, msgspec.structs.replace(ASKED, limit=0, interval="hour"))
    assert [fault.field for fault in caught.value.faults] == ["interval", "limit"]
    assert rokt.seen == []


async def test_help_is_asked_once_and_again_before_a_name_is_refused(client: QueryClient, rokt: StandIn) -> None:
    await client.advertiser_report(ACCOUNT, ASKED)
    await client.advertiser_report(ACCOUNT, ASKED)
    assert rokt.paths().count(f"GET {CAMPAIGNS_HELP}") == 1
    rokt.next(CAMPAIGNS_HELP, body={**HELP, "metrics": [*HELP["metrics"], {"slug": "joy"}]})
    await client.advertiser_report(ACCOUNT, msgspec.structs.replace(ASKED, metrics=["joy"]))
    assert rokt.paths().count(f"GET {CAMPAIGNS_HELP}") == 2


@pytest.mark.parametrize(
    ("account", "path"), [("a/b", "a%2Fb"), ("a?b=c#d", "a%3Fb%3Dc%23d"), ("a b", "a%20b"), ("ü", "%C3%BC")]
)
async def test_an_id_stays_one_part_of_the_path(client: QueryClient, rokt: StandIn, account: str, path: str) -> None:
    with pytest.raises(errors.NotFound):
        await client.account(account)
    assert rokt.paths()[-1] == f"GET {ROOT}/{path}"


@pytest.mark.parametrize("account", ["", ".", "..", "a\nb", "\udcff"])
async def test_what_cannot_be_an_id_asks_nobody(client: QueryClient, rokt: StandIn, account: str) -> None:
    with pytest.raises(errors.InvalidQuery, match="account"):
        await client.account(account)
    assert rokt.seen == []


async def test_404_means_something_else_at_each_endpoint(client: QueryClient, rokt: StandIn) -> None:
    rokt.next(ROOT, 404)
    with pytest.raises(errors.NotFound, match="this user does not have any accounts"):
        await client.accounts()
    with pytest.raises(errors.NotFound, match="account none: an account with this id does not exist"):
        await client.account("none")
    with pytest.raises(errors.NotFound, match="advertiser help of account none: the requested resource was not found"):
        await client.advertiser_report("none", ASKED)
    rokt.next(TRANSACTIONS, 404)
    with pytest.raises(errors.NotFound, match=r"partner report of account .*: the requested resource was not found"):
        await client.partner_report(ACCOUNT, PARTNER_ASKED)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, errors.BadRequest),
        (403, errors.AccessDenied),
        (429, errors.TooManyRequests),
        (500, errors.ServerFailed),
        (302, errors.UnexpectedAnswer),
    ],
)
async def test_a_refused_report_tells_the_servers_words_and_trace_id(
    client: QueryClient, rokt: StandIn, status: int, kind: type[errors.QueryFailed]
) -> None:
    rokt.next(CAMPAIGNS, status, {"message": "the server's words"}, Location="http://127.0.0.1:1/")
    with pytest.raises(kind, match=r"the server's words.*trace-1") as caught:
        await client.advertiser_report(ACCOUNT, ASKED)
    assert (caught.value.status, caught.value.trace_id) == (status, "trace-1")


async def test_a_400_for_sorting_by_datetime_says_that_this_was_seen(client: QueryClient, rokt: StandIn) -> None:
    rokt.next(CAMPAIGNS, 400)
    with pytest.raises(errors.BadRequest, match="sorts by datetime, which the API was seen to answer with 400"):
        await client.advertiser_report(ACCOUNT, SORTED)


async def test_sorting_by_datetime_is_let_through_where_the_server_takes_it(client: QueryClient) -> None:
    assert (await client.advertiser_report(ACCOUNT, SORTED)).account_id == ACCOUNT


@pytest.mark.parametrize("body", [b"", b"<html>", b"\xff", b"[" * 100_000, {}, [], {"data": {}}, {"data": [1]}, None])
async def test_a_body_that_is_not_the_apis_is_no_report(client: QueryClient, rokt: StandIn, body: Any) -> None:
    rokt.next(CAMPAIGNS, body=body)
    with pytest.raises(errors.UnexpectedAnswer, match="the answer is not the API's"):
        await client.advertiser_report(ACCOUNT, ASKED)


async def test_no_answer_in_time(client_of: MakeClient, rokt: StandIn) -> None:
    rokt.silent = True
    with pytest.raises(errors.TimedOut, match=r"accounts: no answer within 0\.1 s"):
        await client_of(BearerToken("t"), timeout_s=0.1).accounts()


async def test_nobody_there(client_of: MakeClient) -> None:
    with pytest.raises(errors.NotReached, match="accounts: no connection"):
        await client_of(BearerToken("t"), host="http://127.0.0.1:1").accounts()
