"""Credentials that are wrong or missing hold up their own account only, and may be mended while the worker runs."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from tests.conftest import Environment
from tests.integration.support import Cli, eventually, ids_of, samples, times_accepted
from tests.support.sandbox import Sandbox
from worker.stack.child import Child

GOOD, WRONG_KEY, FOREIGN, MISSING = "40001", "40002", "40003", "40004"
ACCOUNTS = (GOOD, WRONG_KEY, FOREIGN, MISSING)


def pair(account: str) -> dict[str, str]:
    return {"public_key": f"rpub-{account}", "secret_key": f"rsec-{account}"}


def write(file: Path, accounts: dict[str, dict[str, str]]) -> None:
    """Replaces the file in one step, as a careful operator does."""
    tables = [
        f'[accounts.{account}]\npublic_key = "{keys["public_key"]}"\nsecret_key = "{keys["secret_key"]}"\n'
        for account, keys in accounts.items()
    ]
    fresh = file.with_suffix(".new")
    fresh.write_text("".join(tables))
    os.replace(fresh, file)


def test_a_mended_credentials_file_frees_its_accounts_without_a_restart(
    cli: Cli, env: Environment, sandbox: Sandbox, start_worker: Callable[..., Child], tmp_path: Path
) -> None:
    """A wrong secret (401), another account's keys (403) and an account that is not in the file wait for it."""
    file = tmp_path / "credentials.toml"
    sandbox.credentials({account: pair(account) for account in ACCOUNTS})
    wrong = {"public_key": f"rpub-{WRONG_KEY}", "secret_key": "rsec-mistyped"}
    write(file, {GOOD: pair(GOOD), WRONG_KEY: wrong, FOREIGN: pair(GOOD)})
    env["FORWARDER_CREDENTIALS_FILE"] = str(file)
    start_worker()
    lines = [line for account in ACCOUNTS for line in samples(account, 150)]
    cli.enqueue(lines)
    sandbox.wait(events=150, account=GOOD)
    eventually(lambda: parked(cli) == {WRONG_KEY, FOREIGN, MISSING})
    waiting = cli.run("drain", "--timeout", "0.1")
    assert waiting.status == 1
    assert "450 of them parked" in waiting.err
    assert sandbox.requests(MISSING) == []
    file.write_text("[accounts.")  # half a file changes nothing
    cli.enqueue(samples(GOOD, 50, first=150))
    sandbox.wait(events=200, account=GOOD)
    write(file, {account: pair(account) for account in ACCOUNTS})
    assert cli.drain()["dead"] == 0
    assert times_accepted(sandbox) == dict.fromkeys(ids_of(lines + samples(GOOD, 50, first=150)), 1)
    assert {request["status"] for request in sandbox.requests(WRONG_KEY)} == {401, 200}
    assert {request["status"] for request in sandbox.requests(FOREIGN)} == {403, 200}
    log = (tmp_path / "worker0.log").read_text()
    assert "rsec-" not in log
    assert "rpub-" not in log


def parked(cli: Cli) -> set[str]:
    """The accounts that are parked."""
    holds = cli.done("status", "--json").json["event-api"]["holds"]
    return {hold["account"] for hold in holds if hold["kind"] == "parked"}


def test_an_account_without_credentials_is_parked_with_that_reason_and_makes_no_request(
    cli: Cli, env: Environment, sandbox: Sandbox, start_worker: Callable[..., Child], tmp_path: Path
) -> None:
    """Its events wait, whatever the number of attempts; the reason names what is missing."""
    write(tmp_path / "credentials.toml", {GOOD: pair(GOOD)})
    env |= {"FORWARDER_CREDENTIALS_FILE": str(tmp_path / "credentials.toml"), "FORWARDER_MAX_ATTEMPTS": "2"}
    start_worker()
    cli.enqueue(samples(GOOD, 3) + samples(MISSING, 3))
    eventually(lambda: parked(cli) == {MISSING})
    (hold,) = cli.done("status", "--json").json["event-api"]["holds"]
    assert hold["reason"].startswith("CredentialsMissing: the credentials file lacks")
    sandbox.wait(events=3, account=GOOD)
    assert cli.letters() == []
    assert times_accepted(sandbox).keys() == ids_of(samples(GOOD, 3))
    assert sandbox.requests(MISSING) == []
