"""`forwarder check`: every account's credentials, tried where no data is sent by asking; no secret is ever printed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.integration.support import Cli, Ended
from tests.support.sandbox import Sandbox

Write = Callable[[str], str]
SECRETS = ("SECRETsecret", "1111", "2222")
PAIR = 'public_key = "rpub-aaaa-1111"\nsecret_key = "rsec-SECRETsecret"\n'
APP = 'app_id = "app-one-1111"\napp_secret = "app-SECRETsecret"\n'
TAG = 'tag_id = "2222"\nclient_id = "client-2222"\nclient_secret = "client-SECRETsecret"\n'
QUERY = '[query]\napp_id = "person-1111"\napp_secret = "person-SECRETsecret"\n'
PERSON = {"app_id": "person-1111", "app_secret": "person-SECRETsecret"}
ONE_APP = {"app_id": "app-one-1111", "app_secret": "app-SECRETsecret"}


@pytest.fixture
def here(cli: Cli, sandbox: Sandbox) -> Cli:
    """Every host is the sandbox."""
    cli.env = {**cli.env, "FORWARDER_SANDBOX_URL": sandbox.url}
    return cli


def checked(cli: Cli, *, status: int, **variables: str) -> Any:
    """The findings, the same for people and for scripts, without a secret in either."""
    shown, ended = cli.run("check", **variables), cli.run("check", "--json", **variables)
    assert (shown.status, ended.status) == (status, status), shown.err + ended.err
    for text in (shown.out, shown.err, ended.out, ended.err):
        assert not [secret for secret in SECRETS if secret in text], text
        assert "Traceback" not in text
    findings = ended.json
    assert findings["ok"] == (status == 0)
    assert len(shown.err.splitlines()) == len(findings["faults"]), "one line a fault"
    return findings


def faults(findings: Any) -> list[tuple[str, str]]:
    return [(fault["account"], fault["field"]) for fault in findings["faults"]]


def test_credentials_that_work_and_those_that_cannot_be_tried(here: Cli, sandbox: Sandbox, credentials: Write) -> None:
    credentials(f'[accounts.1]\n{PAIR}{TAG}[accounts.2]\n{APP}audience_api_key = "legacy-2222-456789"\n{QUERY}')
    sandbox.credentials({"2": ONE_APP, "acc_123456789": PERSON})
    findings = checked(here, status=0)
    first, second = findings["accounts"]
    no_way = "not tried: this API has no way to ask without sending data"
    assert {kind["kind"]: kind["result"] for kind in first["kinds"]} == {
        "key pair": no_way,
        "tag with client id and secret": no_way,
    }
    assert {kind["kind"]: kind["result"] for kind in second["kinds"]} == {
        "app credentials": "works: the token endpoint gave a token",
        "legacy audience API key": no_way,
    }
    assert [each["api"] for each in first["destinations"]] == ["v2", "v1", "v3"]
    assert [each["api"] for each in second["destinations"]] == ["v1", "", "1.0 (legacy)"]
    assert second["destinations"][1]["lacking"] == ["tag_id", "client_id", "client_secret"]
    assert findings["query"]["source"] == "[query]"
    assert findings["query"]["result"] == "works: the accounts endpoint gave 1 account"
    assert sandbox.ids() == {}, "nothing was sent"


def test_refused_credentials_are_named_by_account_and_field(here: Cli, sandbox: Sandbox, credentials: Write) -> None:
    credentials(f"[accounts.1]\n{APP}[accounts.2]\n{PAIR}{QUERY}")
    sandbox.credentials({"2": {"public_key": "rpub-x", "secret_key": "rsec-x"}})
    findings = checked(here, status=1)
    assert faults(findings) == [("1", "app_id and app_secret"), ("[query]", "app_id and app_secret")]
    assert "401 invalid_client" in findings["faults"][0]["fault"]
    assert "account 1: app_id and app_secret: the app id and app secret were refused" in here.run("check").err


def test_a_token_endpoint_that_is_away_is_a_fault(cli: Cli, credentials: Write) -> None:
    credentials(f"[accounts.1]\n{APP}[accounts.2]\n{APP}")
    findings = checked(cli, status=1, FORWARDER_AUTH_URL="http://127.0.0.1:1")
    assert faults(findings) == [("1", "app_id and app_secret"), ("2", "app_id and app_secret")]
    assert "no connection to the host" in findings["faults"][0]["fault"]


def test_faulty_credentials_are_told_and_not_sent_anywhere(here: Cli, sandbox: Sandbox, credentials: Write) -> None:
    """A secret key in an app's field must not reach the token endpoint."""
    credentials('[accounts.1]\napp_id = "rpub-1111"\napp_secret = "rsec-SECRETsecret"\n[query]\napp_id = "one"\n')
    findings = checked(here, status=1)
    assert faults(findings) == [("1", "app_id"), ("1", "app_secret"), ("[query]", "app_secret")]
    assert findings["query"]["result"] == "not tried: see its faults"
    assert sandbox.requests() == []


def test_the_sandbox_without_a_file_uses_made_up_credentials_and_says_so(cli: Cli) -> None:
    findings = checked(cli, status=0)
    assert (findings["environment"], findings["real_hosts"]) == ("sandbox", [])
    assert findings["accounts"][0]["made_up"]
    said = cli.run("check").out
    assert "environment: sandbox: no real host is reached" in said
    assert "made up, for any account; the sandbox takes them, no real host does" in said


def test_made_up_credentials_on_their_way_to_a_real_host_are_a_fault(cli: Cli) -> None:
    findings = checked(cli, status=1, FORWARDER_EVENT_API_URL="https://api.rokt.com")
    assert findings["real_hosts"] == ["https://api.rokt.com"]
    assert faults(findings) == [("", "FORWARDER_CREDENTIALS_FILE")]


def test_production_says_that_real_hosts_are_reached(cli: Cli, credentials: Write) -> None:
    credentials(f"[accounts.1]\n{PAIR}")
    findings = checked(cli, status=0, FORWARDER_ENV="production")
    assert findings["hosts"] == {
        "event-api": "https://api.rokt.com",
        "server-events": "https://server-api.rokt.com",
        "audience": "https://data.rokt.com",
        "token": "https://api.rokt.com",
        "query": "https://api.rokt.com",
    }
    said = cli.run("check", FORWARDER_ENV="production").out
    assert "environment: production: REAL hosts are reached" in said
    assert "rpub-… (14 characters)" in said


def test_testing_has_one_host_and_says_which_are_lacking(cli: Cli, credentials: Write) -> None:
    """App credentials that nothing could use there are no fault."""
    credentials(f"[accounts.1]\n{TAG}{APP}{QUERY}")
    findings = checked(cli, status=0, FORWARDER_ENV="testing")
    assert findings["hosts"]["server-events"] == "https://server-api-demo.rokt.com"
    assert [name for name, host in findings["hosts"].items() if not host] == ["event-api", "audience", "token", "query"]
    assert "FORWARDER_AUTH_URL" in findings["accounts"][0]["kinds"][0]["result"]
    assert "FORWARDER_QUERY_URL" in findings["query"]["result"]
    findings = checked(cli, status=1, FORWARDER_ENV="testing", FORWARDER_EVENT_API_URL="http://127.0.0.1:1")
    assert faults(findings) == [("1", "app_id")]


def test_query_credentials_from_the_environment(here: Cli, sandbox: Sandbox) -> None:
    sandbox.credentials({"acc_123456789": PERSON})
    pair = {"ROKT_APP_ID": PERSON["app_id"], "ROKT_APP_SECRET": PERSON["app_secret"]}
    assert checked(here, status=0, **pair)["query"]["result"].startswith("works")
    assert faults(checked(here, status=1, ROKT_APP_ID="person-one")) == [("[query]", "ROKT_APP_SECRET")]
    assert faults(checked(here, status=1, ROKT_BEARER_TOKEN="SECRETsecret")) == [("[query]", "ROKT_BEARER_TOKEN")]


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        ("[accounts.1", "is not TOML"),
        ('[accounts.1]\npublik_key = "rpub-SECRETsecret"\n', "accounts.1.publik_key: is not a known field"),
        ('[accounts.1]\nsecret_key = "env:NO_SUCH_THING"\n', "accounts.1.secret_key: the environment variable NO_SUCH"),
    ],
)
def test_a_file_that_cannot_be_used_is_a_fault_in_one_line(cli: Cli, credentials: Write, toml: str, said: str) -> None:
    credentials(toml)
    findings = checked(cli, status=1)
    assert said in findings["faults"][0]["fault"]


def test_no_file_in_production_is_a_fault(cli: Cli) -> None:
    findings = checked(cli, status=1, FORWARDER_ENV="production")
    assert faults(findings) == [("", "FORWARDER_CREDENTIALS_FILE")]


@pytest.mark.parametrize("variables", [{"FORWARDER_ENV": "prod"}, {"FORWARDER_QUERY_URL": "api.example.com/x"}])
def test_settings_that_cannot_be_read_are_wrong_usage(cli: Cli, variables: dict[str, str]) -> None:
    ended: Ended = cli.run("check", **variables)
    assert (ended.status, ended.out) == (2, "")
    assert next(iter(variables)) in ended.err
    assert cli.run("check", "--nonsense").status == 2
