"""`forwarder pause` and `resume`: what is not sent for now, and what goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

import typer

from worker.cli.audit import acting
from worker.cli.context import JsonOption, WhyOption, YesOption, agreed, buffer_of, environment, known, print_json
from worker.connection.client import with_redis
from worker.operating.holding import Holding, is_account

Answer = TypeVar("Answer")
DestinationArgument = Annotated[
    str, typer.Argument(metavar="DESTINATION", help="event-api, server-events or audience.")
]
AccountOption = Annotated[str | None, typer.Option("--account", "-a", help="Only this account.")]
ReasonOption = Annotated[
    str, typer.Option("--reason", "-r", "--why", "-w", help="What others will read, here and in the audit.")
]


def pause(
    destination: DestinationArgument,
    account: AccountOption = None,
    reason: ReasonOption = "by an operator",
    as_json: JsonOption = False,
) -> None:
    """Send nothing more of a destination, or of one account of it, until it is resumed. What comes in waits."""
    _checked(destination, account)
    details = {**_whose(destination, account), "reason": reason}
    with acting(buffer_of(environment()), "pause", details, reason):
        _run(destination, account, lambda holding: holding.pause(destination, account, reason))
    if as_json:
        print_json({"paused": {"destination": destination, "account": account}})
    else:
        back = f"forwarder resume {destination}" + (f" --account {account}" if account else "")
        typer.echo(f"{_named(destination, account)} is paused until: {back}")


def resume(
    destination: DestinationArgument,
    account: AccountOption = None,
    why: WhyOption = "",
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Go on: with one account, or with the destination and every account of it that is parked or paused."""
    accounts = [account] if account else _run(destination, None, lambda holding: holding.held(destination))
    if len(accounts) > 1 and not agreed(f"resume {len(accounts)} accounts of {destination}?", yes):
        raise typer.Exit(1)
    _checked(destination, account)
    with acting(buffer_of(environment()), "resume", _whose(destination, account), why) as told:
        resumed = _run(destination, account, lambda holding: holding.resume(destination, account, accounts))
        told["resumed"] = resumed
    if as_json:
        print_json({"resumed": resumed})
    else:
        typer.echo(f"{_named(destination, account)}: {resumed} resumed" if resumed else "nothing was held")


def _whose(destination: str, account: str | None) -> dict[str, str]:
    return {"destination": destination} if account is None else {"destination": destination, "account": account}


def _checked(destination: str, account: str | None) -> None:
    known(destination, "DESTINATION")
    if account is not None and not is_account(account):
        raise typer.BadParameter("must not be empty, nor hold what cannot be printed", param_hint="--account")


def _named(destination: str, account: str | None) -> str:
    return f"{destination}, account {account}" if account else destination


def _run(destination: str, account: str | None, work: Callable[[Holding], Awaitable[Answer]]) -> Answer:
    _checked(destination, account)
    buffer = buffer_of(environment())
    return asyncio.run(with_redis(buffer.redis_url, lambda redis: work(Holding(redis, buffer))))
