"""Whose credentials are used, which hosts are asked: real ones in production alone, and faults in words."""

from __future__ import annotations

from pathlib import Path

import pytest

from producers.errors import ConfigurationError
from worker.query.access import AppPair, BearerToken
from worker.query.surroundings import surroundings

PAIR = {"ROKT_APP_ID": "env-id", "ROKT_APP_SECRET": "env-s3cret"}
BEARER = {"ROKT_BEARER_TOKEN": "t0ken"}
PRODUCTION = {"FORWARDER_ENV": "production"}
TESTING = {"FORWARDER_ENV": "testing"}
URLS = {"FORWARDER_QUERY_URL": "http://127.0.0.1:1", "FORWARDER_AUTH_URL": "http://127.0.0.1:2"}


def in_file(folder: Path, text: str) -> dict[str, str]:
    path = folder / "credentials.toml"
    path.write_text(f"[accounts]\n{text}", "utf-8")
    return {"FORWARDER_CREDENTIALS_FILE": str(path)}


def test_the_file_comes_first_then_the_pair_then_the_token(tmp_path: Path) -> None:
    file = in_file(tmp_path, '[query]\napp_id = "file-id"\napp_secret = "env:FILE_SECRET"\n')
    everything = {**PRODUCTION, **PAIR, **BEARER, **file, "FILE_SECRET": "file-s3cret"}
    assert surroundings(everything).access == AppPair("file-id", "file-s3cret")
    assert surroundings({**PRODUCTION, **PAIR, **BEARER}).access == AppPair("env-id", "env-s3cret")
    assert surroundings({**PRODUCTION, **BEARER}).access == BearerToken("t0ken")


def test_a_file_without_query_leaves_it_to_the_environment(tmp_path: Path) -> None:
    file = in_file(tmp_path, '[accounts.1]\npublic_key = "rpub-1"\nsecret_key = "rsec-1"\n')
    assert surroundings({**PRODUCTION, **PAIR, **file}).access == AppPair("env-id", "env-s3cret")


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"ROKT_APP_ID": "s3cret"}, "ROKT_APP_SECRET: is missing, while ROKT_APP_ID is given"),
        ({"ROKT_APP_SECRET": "s3cret", **BEARER}, "ROKT_APP_ID: is missing, while ROKT_APP_SECRET is given"),
        ({"ROKT_APP_ID": "a:b", "ROKT_APP_SECRET": "s3cret"}, "ROKT_APP_ID: must not hold a colon"),
        ({"ROKT_BEARER_TOKEN": "s3cret\ns3cret"}, "ROKT_BEARER_TOKEN: holds characters"),
        ({}, "no credentials for queries.*FORWARDER_CREDENTIALS_FILE.*ROKT_APP_ID.*ROKT_BEARER_TOKEN"),
    ],
)
def test_what_is_missing_is_named_and_no_secret_is(environ: dict[str, str], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said) as caught:
        surroundings({**PRODUCTION, **environ})
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("half", ["app_id", "app_secret"])
def test_half_of_a_pair_in_the_file_is_told_even_where_the_environment_has_one(tmp_path: Path, half: str) -> None:
    file = in_file(tmp_path, f'[query]\n{half} = "s3cret"\n')
    with pytest.raises(ConfigurationError, match=r"\[query\] app_\w+: is missing") as caught:
        surroundings({**PRODUCTION, **PAIR, **file})
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("text", ["t0ken", "Bearer t0ken", " t0ken\n"])
def test_a_token_is_taken_as_shells_and_headers_write_it(text: str) -> None:
    assert surroundings({**PRODUCTION, "ROKT_BEARER_TOKEN": text}).access == BearerToken("t0ken")


def test_production_asks_the_real_host_for_both() -> None:
    around = surroundings({**PRODUCTION, **PAIR})
    assert (around.host, around.auth_host) == ("https://api.rokt.com", "https://api.rokt.com")


def test_the_sandbox_is_asked_unless_told_and_needs_no_credentials() -> None:
    around = surroundings({"FORWARDER_SANDBOX_URL": "http://127.0.0.1:9"})
    assert (around.host, around.auth_host) == ("http://127.0.0.1:9", "http://127.0.0.1:9")
    assert isinstance(around.access, AppPair)


def test_in_the_sandbox_half_of_a_pair_is_wrong_all_the_same() -> None:
    with pytest.raises(ConfigurationError, match="ROKT_APP_SECRET"):
        surroundings({"ROKT_APP_ID": "a"})


@pytest.mark.parametrize("environment", ["sandbox", "testing", "production"])
def test_an_explicit_url_wins_everywhere(environment: str) -> None:
    around = surroundings({**PAIR, **URLS, "FORWARDER_ENV": environment})
    assert (around.host, around.auth_host) == ("http://127.0.0.1:1", "http://127.0.0.1:2")


@pytest.mark.parametrize("missing", ["FORWARDER_QUERY_URL", "FORWARDER_AUTH_URL"])
def test_testing_has_no_host_of_its_own(missing: str) -> None:
    with pytest.raises(ConfigurationError, match=f"{missing}: must be set where FORWARDER_ENV is testing"):
        surroundings({**TESTING, **PAIR, **{name: url for name, url in URLS.items() if name != missing}})


def test_testing_without_anything_is_refused_for_its_host_first() -> None:
    with pytest.raises(ConfigurationError, match="FORWARDER_QUERY_URL"):
        surroundings(TESTING)


def test_a_given_token_needs_no_host_to_fetch_one_from() -> None:
    around = surroundings({**TESTING, **BEARER, "FORWARDER_QUERY_URL": "http://127.0.0.1:1"})
    assert around.auth_host == ""


@pytest.mark.parametrize("url", ["api.rokt.com", "https://u:p@api.rokt.com", "https://api.rokt.com/v1"])
def test_a_url_is_scheme_and_host_alone(url: str) -> None:
    with pytest.raises(ConfigurationError, match="FORWARDER_QUERY_URL"):
        surroundings({**PAIR, "FORWARDER_QUERY_URL": url})


def test_the_time_out_of_queries_wins_over_the_general_one() -> None:
    general = {**PRODUCTION, **PAIR, "FORWARDER_HTTP_TIMEOUT_S": "7"}
    assert surroundings(general).timeout_s == 7
    assert surroundings({**general, "FORWARDER_QUERY_HTTP_TIMEOUT_S": "90"}).timeout_s == 90


def test_no_text_form_shows_a_secret() -> None:
    assert "s3cret" not in repr(surroundings({**PRODUCTION, **PAIR}))
    assert "t0ken" not in repr(surroundings({**PRODUCTION, **BEARER}))
