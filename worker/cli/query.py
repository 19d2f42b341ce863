"""`forwarder query`: accounts and reports of Rokt's Query API. Source: query-api.txt."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

import msgspec
import typer
from rich.table import Table

from worker.cli.context import JsonOption, environment, out, print_json
from worker.http import HttpTransport
from worker.query import words
from worker.query.client import QueryClient
from worker.query.columns import cells, columns_of, csv_text
from worker.query.endpoints import ADVERTISER, PARTNER, Side
from worker.query.errors import InvalidQuery
from worker.query.report_request import ReportRequest
from worker.query.surroundings import Surroundings, surroundings
from worker.query.tables import accounts_table, help_table, table

app = typer.Typer(help="Accounts and reports, from Rokt's Query API.", no_args_is_help=True)

Result = TypeVar("Result")
Ask = Callable[[QueryClient], Awaitable[Result]]
IdArgument = Annotated[str, typer.Argument(metavar="ID", help="The account's id.")]
PartnerOption = Annotated[
    bool, typer.Option("--partner", help="Transactions of a partner, not an advertiser's campaigns.")
]
OPTIONS = {
    "startDate": "--from",
    "endDate": "--to",
    "interval": "--interval",
    "metrics": "--metric",
    "dimensions": "--dimension",
    "dimensionFilters": "--filter",
    "orderBys": "--order-by",
    "limit": "--limit",
    "timezoneVariation": "--time-zone",
    "currencyCode": "--currency",
    "account": "ID",
}


@app.command()
def accounts(as_json: JsonOption = False) -> None:
    """List the accounts that the credentials give access to."""
    found = _run(lambda client: client.accounts())
    _show(found, as_json, accounts_table(found))


@app.command()
def account(account_id: IdArgument, as_json: JsonOption = False) -> None:
    """Show one account."""
    found = _run(lambda client: client.account(account_id))
    _show(found, as_json, accounts_table([found]))


@app.command("help")
def show_help(account_id: IdArgument, partner: PartnerOption = False, as_json: JsonOption = False) -> None:
    """List the metrics and dimensions that reports of an account may name."""
    found = _run(lambda client: client.help(_side(partner), account_id))
    _show(found, as_json, help_table(found))


@app.command()
def report(
    account_id: IdArgument,
    start: Annotated[str, typer.Option("--from", help="Start, inclusive: YYYY-MM-DD or 'YYYY-MM-DD HH:MM:SS'.")],
    end: Annotated[str, typer.Option("--to", help="End, exclusive: YYYY-MM-DD or 'YYYY-MM-DD HH:MM:SS'.")],
    metric: Annotated[list[str], typer.Option("--metric", "-m", help="Repeat it, or write a,b. See `query help`.")],
    dimension: Annotated[list[str] | None, typer.Option("--dimension", "-d", help="Group by: repeat, or a,b.")] = None,
    interval: Annotated[str | None, typer.Option(help="day, week, month or year; without it one total.")] = None,
    filter_: Annotated[list[str] | None, typer.Option("--filter", "-f", help="dimension=value,value; repeat.")] = None,
    order_by: Annotated[list[str] | None, typer.Option(help="column:asc or column:desc; repeat.")] = None,
    limit: Annotated[int | None, typer.Option(help="At most so many rows.")] = None,
    time_zone: Annotated[str | None, typer.Option(help="Of the report; the API's default: America/New_York.")] = None,
    currency: Annotated[str | None, typer.Option(help="Of the report; the API's default: USD.")] = None,
    partner: PartnerOption = False,
    as_json: JsonOption = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV: datetime, dimensions, metrics.")] = False,
) -> None:
    """Report an account's figures."""
    if as_json and as_csv:
        raise typer.BadParameter("choose --json or --csv")

    def request() -> ReportRequest:
        return ReportRequest(
            start_date=start,
            end_date=end,
            metrics=words.names(metric),
            dimensions=words.names(dimension or ()),
            interval=interval,
            dimension_filters=words.filters(filter_ or ()),
            order_bys=words.order_bys(order_by or ()),
            limit=limit,
            timezone_variation=time_zone,
            currency_code=currency,
        )

    asked = _valid(request)
    found = _run(lambda client: client.report(_side(partner), account_id, asked))
    columns = columns_of(asked, found.data)
    if as_csv:
        sys.stdout.write(csv_text(columns, found.data))
    elif as_json:
        print_json(msgspec.to_builtins(found))
    else:
        out.print(table(columns, (cells(row, columns) for row in found.data)))


def _side(partner: bool) -> Side:
    return PARTNER if partner else ADVERTISER


def _show(found: object, as_json: bool, shown: Table) -> None:
    if as_json:
        print_json(msgspec.to_builtins(found))
    else:
        out.print(shown)


def _valid(make: Callable[[], Result]) -> Result:
    """What `make` gives; an invalid query is wrong usage, told by option."""
    try:
        return make()
    except InvalidQuery as error:
        for field, message in error.faults:
            name = field.partition("[")[0].partition(".")[0]
            typer.echo(f"forwarder: {OPTIONS.get(name, field)}: {message}", err=True)
        raise typer.Exit(2) from None


def _run(ask: Ask[Result]) -> Result:
    around = surroundings(environment())
    return _valid(lambda: asyncio.run(_asked(around, ask)))


async def _asked(around: Surroundings, ask: Ask[Result]) -> Result:
    transport = HttpTransport(1, around.http_transport)
    try:
        return await ask(QueryClient(transport, around.host, around.auth_host, around.access, around.timeout_s))
    finally:
        await transport.close()
