"""`forwarder query`: its output for people and scripts, its exit status, its words."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from rich.console import Console

from tests.query.runner import Run, forwarder_query
from tests.query.samples import (
    ACCOUNT,
    ACCOUNTS,
    APP_ID,
    APP_SECRET,
    HELP,
    PARTNER_HELP,
    PARTNER_REPORT,
    REPORT,
    REQUEST,
)
from tests.query.stand_in import CAMPAIGNS, ROOT, StandIn
from worker.cli import query as query_commands

Query = Callable[..., Awaitable[Run]]
PERIOD = ("--from", "2025-03-04", "--to", "2025-03-05")
REPORT_ARGUMENTS = ("report", ACCOUNT, *PERIOD, "--metric", "impressions,referrals", "--metric", "gross_cost")


@pytest.fixture
def environ(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str | None]:
    """Nothing of the developer's own steers the command, the width of the terminal included."""
    monkeypatch.setattr(query_commands, "out", Console(width=200))
    return {
        "FORWARDER_ENV": "testing",
        "FORWARDER_QUERY_URL": url,
        "FORWARDER_AUTH_URL": url,
        "FORWARDER_CREDENTIALS_FILE": None,
        "FORWARDER_DATA_DIR": str(tmp_path),
        "ROKT_APP_ID": APP_ID,
        "ROKT_APP_SECRET": APP_SECRET,
        "ROKT_BEARER_TOKEN": None,
        "COLUMNS": "200",
    }


@pytest.fixture
def query(environ: dict[str, str | None]) -> Query:
    async def run(*arguments: str, **variables: str | None) -> Run:
        return await forwarder_query({**environ, **variables}, *arguments)

    return run


async def test_accounts_for_people_and_for_scripts(query: Query) -> None:
    shown = await query("accounts")
    assert shown.status == 0
    assert "Example Account 2" in shown.out
    assert "Australia/Sydney" in shown.out
    assert json.loads((await query("accounts", "--json")).out) == ACCOUNTS


async def test_one_account(query: Query) -> None:
    assert "Example Account 1" in (await query("account", "acc_123456789")).out
    assert json.loads((await query("account", "acc_123456789", "--json")).out) == ACCOUNTS[0]


async def test_help_of_both_sides(query: Query) -> None:
    shown = (await query("help", ACCOUNT)).out
    assert all(term["slug"] in shown for term in [*HELP["metrics"], *HELP["dimensions"]])
    assert json.loads((await query("help", ACCOUNT, "--json")).out) == HELP
    assert json.loads((await query("help", ACCOUNT, "--partner", "--json")).out) == PARTNER_HELP


async def test_every_option_reaches_the_api_under_its_field(query: Query, rokt: StandIn) -> None:
    run = await query(
        *REPORT_ARGUMENTS,
        *("--interval", "day", "--dimension", "campaign_id,creative_id", "--dimension", "age_range"),
        *("--filter", "campaign_id=3427232771076128951", "--order-by", "referrals:desc", "--limit", "10"),
        *("--time-zone", "America/New_York", "--currency", "USD", "--json"),
    )
    assert (run.status, json.loads(run.out)) == (0, REPORT)
    expected = {**REQUEST, "dimensions": ["campaign_id", "creative_id", "age_range"], "limit": 10}
    assert json.loads(rokt.seen[-1].body) == expected


async def test_a_partners_report(query: Query) -> None:
    run = await query("report", ACCOUNT, *PERIOD, "-m", "transactions", "--partner", "--json")
    assert json.loads(run.out) == PARTNER_REPORT


async def test_a_report_as_csv(query: Query) -> None:
    run = await query(*REPORT_ARGUMENTS, "--interval", "day", "-d", "creative_id,age_range,campaign_id", "--csv")
    lines = list(csv.reader(io.StringIO(run.out, newline="")))
    assert lines[0] == [
        "datetime", "creative_id", "age_range", "campaign_id", "impressions", "referrals", "gross_cost"
    ]  # fmt: skip
    assert lines[1][:3] == ["2025-03-04T00:00:00Z", "3427232968644886703", "26-35"]
    assert len(lines) == 3


async def test_a_report_as_a_table_shows_a_strangers_text_as_it_is(query: Query, rokt: StandIn) -> None:
    rokt.next(CAMPAIGNS, body={"data": [{"impressions": 7, "creative_id": "[red]a\x1b[31m"}]})
    run = await query("report", ACCOUNT, *PERIOD, "-m", "impressions", "-d", "creative_id")
    assert run.status == 0
    assert "[red]a?[31m" in run.out


async def test_nothing_to_report_is_no_failure(query: Query, rokt: StandIn) -> None:
    rokt.next(CAMPAIGNS, body={"data": [], "accountId": ACCOUNT, "queryTimeMs": 1})
    run = await query("report", ACCOUNT, *PERIOD, "-m", "impressions", "--csv")
    assert (run.status, run.out) == (0, "impressions\r\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("report", ACCOUNT, "--from", "x", "--to", "y", "-m", "cpa"), "forwarder: --from: 'x' is no date"),
        (("report", ACCOUNT, "--from", "2025-03-04", "--to", "2025-03-04", "-m", "cpa"), "--to: is exclusive"),
        (("report", ACCOUNT, *PERIOD, "-m", "cpa", "--interval", "hour"), "--interval: 'hour' is none of day, week"),
        (("report", ACCOUNT, *PERIOD, "-m", "cpa", "--limit", "0"), "--limit: must be 1 or more"),
        (
            ("report", ACCOUNT, *PERIOD, "-m", "cpaa"),
            "--metric: 'cpaa' is no metric of this account; did you mean cpa?",
        ),
        (("report", ACCOUNT, *PERIOD, "-m", "cpa", "-d", "age_group"), "--dimension: 'age_group' is no dimension"),
        (("report", ACCOUNT, *PERIOD, "-m", "cpa", "-f", "age_group=1"), "--filter: 'age_group' is no dimension"),
        (("report", ACCOUNT, *PERIOD, "-m", "cpa", "-f", "device"), "--filter: 'device': write dimension=value,value"),
        (("report", ACCOUNT, *PERIOD, "-m", "cpa", "--order-by", "cpa:up"), "--order-by: 'up' is none of asc, desc"),
        (("report", ACCOUNT, *PERIOD, "-m", "cpa", "--json", "--csv"), "choose --json or --csv"),
        (("report", ACCOUNT, *PERIOD), "--metric"),
        (("report", ACCOUNT, "-m", "cpa"), "--from"),
        (("account", ".."), "forwarder: ID: '..' is no account id"),
        (("account",), "ID"),
        (("acounts",), "acounts"),
    ],
)
async def test_wrong_usage_is_2_and_names_the_option(query: Query, arguments: tuple[str, ...], said: str) -> None:
    run = await query(*arguments)
    assert (run.status, run.out) == (2, "")
    assert said in run.err


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"FORWARDER_QUERY_URL": None}, "FORWARDER_QUERY_URL: must be set where FORWARDER_ENV is testing"),
        ({"ROKT_APP_SECRET": None}, "ROKT_APP_SECRET: is missing"),
        ({"ROKT_APP_ID": None, "ROKT_APP_SECRET": None}, "no credentials for queries"),
    ],
)
async def test_what_the_environment_lacks_is_wrong_usage(
    query: Query, variables: dict[str, str | None], said: str
) -> None:
    run = await query("accounts", **variables)
    assert run.status == 2
    assert said in run.err


async def test_a_query_that_failed_is_1_in_one_line_without_a_secret(query: Query, rokt: StandIn) -> None:
    rokt.next(ROOT, 500, {"message": f"boom\n{APP_SECRET}"})
    run = await query("accounts")
    assert (run.status, run.out) == (1, "")
    assert run.err == "accounts: the server failed (500), try again later: boom … (trace id trace-1)"


async def test_the_help_texts_say_which_end_of_the_period_is_included(query: Query) -> None:
    run = await query("report", "--help")
    assert "Start, inclusive" in run.out
    assert "End, exclusive" in run.out
