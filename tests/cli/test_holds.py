"""`forwarder pause` and `resume` in bad weather: names that nobody knows, and thousands of accounts."""

from __future__ import annotations

import pytest
from redis.asyncio import Redis

from producers.keys import Slot
from tests.buffer.support import hold
from tests.integration.support import Cli
from worker.buffer.holds import Holds

MANY = 2_000


@pytest.mark.parametrize("command", ["pause", "resume"])
@pytest.mark.parametrize("arguments", [("event_api",), ("event-api", "--account", "")])
def test_what_is_no_destination_or_no_account_is_wrong_usage(
    cli: Cli, command: str, arguments: tuple[str, ...]
) -> None:
    """An empty account must not mean all of them."""
    ended = cli.run(command, *arguments)
    assert ended.status == 2, ended
    assert "Traceback" not in ended.err
    assert cli.done("status", "--json").json["event-api"]["holds"] == []


@pytest.mark.parametrize("account", ["never-seen", "ü:{c} '"])
def test_an_account_that_was_never_seen_is_paused_and_goes_on(cli: Cli, account: str) -> None:
    """It may come yet."""
    assert cli.done("pause", "event-api", f"--account={account}", "--json").json["paused"]["account"] == account
    (hold,) = cli.done("status", "--json").json["event-api"]["holds"]
    assert (hold["account"], hold["kind"]) == (account, "paused")
    assert cli.done("resume", "event-api", f"--account={account}", "--json").json == {"resumed": 1}
    assert cli.done("resume", "event-api", f"--account={account}", "--json").json == {"resumed": 0}


async def test_thousands_of_parked_accounts_are_told_in_short_and_go_on_at_once(
    cli: Cli, redis: Redis, prefix: str
) -> None:
    """One that is paused besides, and the destination itself, go on too."""
    holds = Holds(redis, Slot(prefix, "event-api", 0))
    for number in range(MANY):
        await hold(redis, holds.slot, "", f"account-{number}", "parked", 0, "401 Unauthorized", "print")
    await holds.pause("account-7", "why")
    assert len([each async for each in holds.lasting()]) == MANY
    shown = cli.done("status")
    assert len(shown.out.splitlines()) < 150
    cli.done("pause", "event-api")
    assert cli.done("resume", "event-api", "--yes", "--json").json == {"resumed": MANY + 1}
    assert [each async for each in holds.lasting()] == []
    assert cli.done("status", "--json").json["event-api"]["holds"] == []
