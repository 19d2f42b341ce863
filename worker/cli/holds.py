"""`forwarder pause` and `resume`: what is not sent for now, and what goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

import typer

from producers.keys import Slot, shard_of
from worker.buffer.holds import EVERYTHING, Holds
from worker.cli.audit import audited
from worker.cli.context import JsonOption, YesOption, agreed, buffer_of, environment, known, print_json
from worker.redis_client import with_redis

Answer = TypeVar("Answer")
DestinationArgument = Annotated[
    str, typer.Argument(metavar="DESTINATION", help="event-api, server-events or audience.")
]
AccountOption = Annotated[str | None, typer.Option("--account", "-a", help="Only this account.")]
ReasonOption = Annotated[str, typer.Option("--reason", "-r", help="What others will read.")]


def pause(
    destination: DestinationArgument,
    account: AccountOption = None,
    reason: ReasonOption = "by an operator",
    as_json: JsonOption = False,
) -> None:
    """Send nothing more of a destination, or of one account of it, until it is resumed. What comes in waits."""
    _run(destination, account, lambda slots: _pause(slots, account, reason))
    _audited("pause", destination, account, reason=reason)
    if as_json:
        print_json({"paused": {"destination": destination, "account": account}})
    else:
        back = f"forwarder resume {destination}" + (f" --account {account}" if account else "")
        typer.echo(f"{_named(destination, account)} is paused until: {back}")


def resume(
    destination: DestinationArgument,
    account: AccountOption = None,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Go on: with one account, or with the destination and every account of it that is parked or paused."""
    accounts = [account] if account else _run(destination, None, _held)
    if len(accounts) > 1 and not agreed(f"resume {len(accounts)} accounts of {destination}?", yes):
        raise typer.Exit(1)
    everything = account is None
    resumed = _run(destination, account, lambda slots: _resume(slots, accounts, everything))
    _audited("resume", destination, account, resumed=resumed)
    if as_json:
        print_json({"resumed": resumed})
    else:
        typer.echo(f"{_named(destination, account)}: {resumed} resumed" if resumed else "nothing was held")


def _audited(action: str, destination: str, account: str | None, **details: str | int) -> None:
    whose = {"destination": destination} if account is None else {"destination": destination, "account": account}
    audited(buffer_of(environment()), action, {**whose, **details})


def _named(destination: str, account: str | None) -> str:
    return f"{destination}, account {account}" if account else destination


def _run(destination: str, account: str | None, work: Callable[[list[Holds]], Awaitable[Answer]]) -> Answer:
    """With the slot of the account, or with all slots of the destination."""
    known(destination, "DESTINATION")
    if account is not None and not (account and account.isprintable()):
        raise typer.BadParameter("must not be empty, nor hold what cannot be printed", param_hint="--account")
    buffer = buffer_of(environment())
    shards = range(buffer.shards) if account is None else [shard_of(account, buffer.shards)]
    slots = [Slot(buffer.key_prefix, destination, shard) for shard in shards]
    return asyncio.run(with_redis(buffer.redis_url, lambda redis: work([Holds(redis, slot) for slot in slots])))


async def _pause(slots: list[Holds], account: str | None, reason: str) -> None:
    for holds in slots:
        await holds.pause(EVERYTHING if account is None else account, reason)


async def _held(slots: list[Holds]) -> list[str]:
    return [held.account for holds in slots for held in [each async for each in holds.lasting()]]


async def _resume(slots: list[Holds], accounts: list[str], everything: bool) -> int:
    """How many go on; the pause of a destination counts as one."""
    ended = [await holds.resume([EVERYTHING]) for holds in slots] if everything else []
    return sum([await holds.resume(accounts) for holds in slots]) + any(ended)
