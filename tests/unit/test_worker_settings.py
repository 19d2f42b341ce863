"""The worker's settings: what belongs together is checked, and real hosts are reached only by saying so."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest

from producers.errors import ConfigurationError
from worker.access.credentials import FileCredentials, SandboxCredentials
from worker.settings import (
    Settings,
    WorkerSettings,
    data_dir,
    load_settings,
    longest_task_s,
    needs_sandbox,
    open_credentials,
)

API = "event-api"


@pytest.fixture
def credentials(tmp_path: Path) -> str:
    """The path of a credentials file that can be read."""
    path = tmp_path / "credentials.toml"
    path.write_text('[accounts.1]\npublic_key = "rpub"\nsecret_key = "rsec"\n', "utf-8")
    return str(path)


def loaded(**variables: str) -> Settings:
    return load_settings({f"FORWARDER_{name}" if name.isupper() else name: value for name, value in variables.items()})


def refused(**variables: str) -> str:
    with pytest.raises(ConfigurationError) as refusal:
        loaded(**variables)
    return str(refusal.value)


def test_nothing_set_is_the_sandbox_on_this_machine() -> None:
    settings = load_settings({})
    assert settings.worker.env == "sandbox"
    assert settings.hosts[API] == "http://127.0.0.1:8180"
    assert isinstance(open_credentials(settings.worker, {}), SandboxCredentials)


def test_a_real_host_is_reached_only_in_production(credentials: str) -> None:
    assert loaded(ENV="production", CREDENTIALS_FILE=credentials).hosts[API] == "https://api.rokt.com"
    for env in ("sandbox", "testing"):
        hosts = loaded(ENV=env, CREDENTIALS_FILE=credentials).hosts
        assert not any("api.rokt.com" in host for host in hosts.values())


def test_testing_has_no_host_for_the_event_api(credentials: str) -> None:
    """The document names none: nothing is sent there instead of to production."""
    assert API not in loaded(ENV="testing", CREDENTIALS_FILE=credentials).hosts


@pytest.mark.parametrize("env", ["sandbox", "testing", "production"])
def test_an_explicit_url_wins(credentials: str, env: str) -> None:
    settings = loaded(ENV=env, CREDENTIALS_FILE=credentials, EVENT_API_URL="https://stage.example.com:8443/")
    assert settings.hosts[API] == "https://stage.example.com:8443"


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8180", "https://example.com", "http://[::1]:80", "HTTPS://Example.com"]
)
def test_scheme_and_host_are_a_url(url: str) -> None:
    assert loaded(EVENT_API_URL=url).hosts[API].lower() == url.lower()


@pytest.mark.parametrize(
    "url",
    [
        "example.com",
        "example.com:8180",
        "//example.com",
        "ftp://example.com",
        "https://",
        "https:///v2",
        "https://example.com/v2/events",
        "https://example.com?x=1",
        "https://example.com#x",
        "https://user:s3cret@example.com",
        "https://example.com:port",
        "https://example.com:99999",
        "https://[::1",
        "https://exa mple.com",
    ],
)
def test_anything_else_is_refused_by_name_without_repeating_it(url: str) -> None:
    """A URL may hold a password."""
    message = refused(EVENT_API_URL=url)
    assert message.startswith("FORWARDER_EVENT_API_URL: must be scheme and host alone")
    assert "s3cret" not in message


def test_the_sandbox_may_be_elsewhere() -> None:
    assert loaded(SANDBOX_URL="http://sandbox:8180").hosts[API] == "http://sandbox:8180"
    assert refused(SANDBOX_URL="sandbox").startswith("FORWARDER_SANDBOX_URL: ")


def test_a_sandbox_is_needed_while_something_goes_there() -> None:
    """Only in its environment, and only until every destination has a URL of its own."""
    assert needs_sandbox({})
    assert not needs_sandbox({"FORWARDER_ENV": "production"})
    own = {f"FORWARDER_{name.upper().replace('-', '_')}_URL": "http://h" for name in load_settings({}).delivery}
    assert not needs_sandbox(own)
    assert needs_sandbox(own | {"FORWARDER_EVENT_API_URL": ""})


@pytest.mark.parametrize("env", ["testing", "production"])
def test_outside_the_sandbox_a_credentials_file_is_needed(env: Literal["testing", "production"]) -> None:
    with pytest.raises(ConfigurationError) as refusal:
        open_credentials(WorkerSettings(env=env), {})
    assert str(refusal.value) == f"FORWARDER_CREDENTIALS_FILE: must be set where FORWARDER_ENV is {env}"


def test_a_credentials_file_that_cannot_be_read_is_named() -> None:
    with pytest.raises(ConfigurationError, match=r"FORWARDER_CREDENTIALS_FILE: /nowhere\.toml"):
        open_credentials(WorkerSettings(credentials_file="/nowhere.toml"), {})


def test_a_credentials_file_is_used_in_the_sandbox_too(credentials: str) -> None:
    assert isinstance(open_credentials(WorkerSettings(credentials_file=credentials), {}), FileCredentials)


@pytest.mark.parametrize("env", ["prod", "Production", "PRODUCTION", "live"])
def test_another_environment_is_refused(env: str) -> None:
    """A misspelt one must not fall back to anything."""
    assert refused(ENV=env).startswith("FORWARDER_ENV: ")


@pytest.mark.parametrize(("lease", "timeout"), [("10", "10"), ("9.9", "10"), ("5", "")])
def test_a_lease_must_be_longer_than_a_request_may_take(lease: str, timeout: str) -> None:
    """Else two workers may send one batch."""
    message = refused(LEASE_S=lease, HTTP_TIMEOUT_S=timeout)
    assert "FORWARDER_LEASE_S" in message
    assert "FORWARDER_HTTP_TIMEOUT_S" in message


def test_a_lease_of_one_destination_is_checked_against_its_own_time_out() -> None:
    settings = loaded(LEASE_S="15", EVENT_API_LEASE_S="30", EVENT_API_HTTP_TIMEOUT_S="20")
    assert (settings.delivery[API].lease_s, settings.delivery[API].http_timeout_s) == (30, 20)


def test_a_lease_that_is_too_short_is_named_by_the_variable_that_set_it() -> None:
    assert "FORWARDER_EVENT_API_LEASE_S" in refused(LEASE_S="60", EVENT_API_LEASE_S="5")


def test_an_end_in_order_must_be_longer_than_any_request_may_take() -> None:
    """Both variables are named, that of the slowest destination as it was set."""
    for message in (
        refused(SHUTDOWN_TIMEOUT_S="20", AUDIENCE_HTTP_TIMEOUT_S="20"),
        refused(AUDIENCE_HTTP_TIMEOUT_S="30"),
    ):
        assert "FORWARDER_SHUTDOWN_TIMEOUT_S" in message
        assert "FORWARDER_AUDIENCE_HTTP_TIMEOUT_S" in message
    assert loaded(SHUTDOWN_TIMEOUT_S="11").worker.shutdown_timeout_s == 11


def test_a_task_may_run_for_longer_than_its_claims_and_their_requests_take() -> None:
    settings = loaded(AUDIENCE_LEASE_S="100", AUDIENCE_TASK_SLICE_S="9")
    assert longest_task_s(settings) > 100 + 9 + 10


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SHUTDOWN_TIMEOUT_S", "0"),
        ("LEASE_S", "0"),
        ("HTTP_TIMEOUT_S", "nan"),
        ("HTTP_TIMEOUT_S", "-1"),
        ("MAX_ATTEMPTS", "0"),
        ("MAX_ATTEMPTS", "1.5"),
        ("RETRY_FIRST_S", "0"),
        ("IN_FLIGHT", "0"),
        ("ACCOUNT_IN_FLIGHT", "many"),
        ("TASK_SLICE_S", "61"),
        ("EVENT_API_MAX_ATTEMPTS", "none"),
    ],
)
def test_a_faulty_setting_is_named(name: str, value: str) -> None:
    assert refused(**{name: value}).startswith(f"FORWARDER_{name}: ")


def test_the_broker_is_ours_then_celerys_then_the_redis_of_the_events() -> None:
    redis = {"FORWARDER_REDIS_URL": "redis://r"}
    theirs = redis | {"CELERY_BROKER_URL": "redis://c"}
    ours = theirs | {"FORWARDER_BROKER_URL": "redis://b"}
    assert [load_settings(each).broker_url for each in (redis, theirs, ours)] == ["redis://r", "redis://c", "redis://b"]


@pytest.mark.parametrize(("given", "level"), [("debug", "DEBUG"), ("WARNING", "WARNING")])
def test_the_log_level_is_read_in_any_case(given: str, level: str) -> None:
    assert load_settings({"LOG_LEVEL": given}).log_level == level


def test_another_log_level_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="LOG_LEVEL"):
        load_settings({"LOG_LEVEL": "loud"})


def test_an_empty_log_level_means_unset() -> None:
    """Like every other variable."""
    assert load_settings({"LOG_LEVEL": ""}).log_level == "INFO"


def test_empty_variables_mean_unset() -> None:
    names = ("ENV", "CREDENTIALS_FILE", "EVENT_API_URL", "LEASE_S", "BROKER_URL", "DATA_DIR")
    assert loaded(**dict.fromkeys(names, "")).hosts == load_settings({}).hosts


def test_the_data_folder_is_the_variables_or_a_hidden_one_here() -> None:
    assert data_dir({}) == Path(".forwarder")
    assert data_dir({"FORWARDER_DATA_DIR": "/srv/x"}) == Path("/srv/x")


@pytest.mark.parametrize("url", ["pyamqp://user:hidden@host/", "ampq://host/", "memory://", "sqs://", "foo"])
def test_a_broker_that_is_neither_redis_nor_rabbitmq_is_refused_by_name(url: str) -> None:
    """kombu knows more of them; what they would lose is not known here."""
    told = refused(BROKER_URL=url)
    assert told.startswith("FORWARDER_BROKER_URL: ")
    assert "neither a Redis nor an amqp://" in told
    assert "hidden" not in told


def test_a_transport_that_is_none_is_told() -> None:
    assert load_settings({}).worker.http_transport == "curl"
    assert load_settings({"FORWARDER_HTTP_TRANSPORT": "httpx"}).worker.http_transport == "httpx"
    with pytest.raises(ConfigurationError, match="FORWARDER_HTTP_TRANSPORT"):
        load_settings({"FORWARDER_HTTP_TRANSPORT": "carrier-pigeon"})
