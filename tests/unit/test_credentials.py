"""Whose keys are used: the credentials file, its variables, its changes. Never a secret in a message."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from producers.destinations.accounts import AccountCredentials
from producers.errors import ConfigurationError
from worker.access.credentials import FileCredentials, SandboxCredentials, load

SECRET = "rsec-TOPSECRET-0001"
GOOD = f"""
[accounts.12345]
public_key = "rpub-1"
secret_key = "{SECRET}"

[accounts."67-89.x"]
public_key = "env:SHOP_PUBLIC"
secret_key = "env:SHOP_SECRET"

[query]
app_id = "app"
app_secret = "env:SHOP_SECRET"
"""
VARIABLES = {"SHOP_PUBLIC": "rpub-2", "SHOP_SECRET": SECRET}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "credentials.toml"
    path.write_text(GOOD, "utf-8")
    return path


def rewrite(path: Path, text: str) -> None:
    """Replaces the file as an editor or a secret store does: a new file in its place."""
    fresh = path.with_suffix(".new")
    fresh.write_text(text, "utf-8")
    fresh.replace(path)


def test_the_values_are_the_files_and_the_variables_they_name(file: Path) -> None:
    content = load(file, VARIABLES)
    assert content.accounts["12345"] == AccountCredentials(public_key="rpub-1", secret_key=SECRET)
    assert content.accounts["67-89.x"] == AccountCredentials(public_key="rpub-2", secret_key=SECRET)
    assert (content.query.app_id, content.query.app_secret) == ("app", SECRET)


def test_an_account_that_the_file_does_not_name_has_no_credentials(file: Path) -> None:
    assert FileCredentials(file, VARIABLES).of("other") is None


@pytest.mark.parametrize("variables", [{"SHOP_PUBLIC": "x"}, {"SHOP_PUBLIC": "x", "SHOP_SECRET": ""}])
def test_a_variable_that_is_not_set_is_named_with_its_field(file: Path, variables: dict[str, str]) -> None:
    fault = r"accounts.67-89.x.secret_key: the environment variable SHOP_SECRET is not set"
    with pytest.raises(ConfigurationError, match=fault):
        load(file, variables)


BROKEN = {
    "unterminated": f'[accounts.1]\nsecret_key = "{SECRET}',
    "without quotes": f"[accounts.1]\nsecret_key = {SECRET}",
    "unknown escape": f'[accounts.1]\nsecret_key = "{SECRET}\\q"',
    "two values": f'[accounts.1]\nsecret_key = "{SECRET}" "x"',
    "twice": f'[accounts.1]\nsecret_key = "{SECRET}"\nsecret_key = "{SECRET}"',
    "unknown field": f'[accounts.1]\nsecret = "{SECRET}"',
    "list": f'[accounts.1]\nsecret_key = ["{SECRET}"]',
    "account is a text": f'[accounts]\n1 = "{SECRET}"',
    "accounts is a text": f'accounts = "{SECRET}"',
    "unknown table": f'[accounts]\n[other]\nsecret_key = "{SECRET}"',
    "query of a wrong type": f'[accounts]\n[query]\napp_secret = ["{SECRET}"]',
    "missing variable": f'[accounts.1]\npublic_key = "{SECRET}"\nsecret_key = "env:NOBODY"',
}


@pytest.mark.parametrize("text", BROKEN.values(), ids=BROKEN)
def test_a_faulty_file_is_named_and_no_secret_of_it_is_told(tmp_path: Path, text: str) -> None:
    path = tmp_path / "credentials.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(ConfigurationError) as refusal:
        load(path, {})
    assert str(refusal.value).startswith("FORWARDER_CREDENTIALS_FILE: ")
    assert "TOPSECRET" not in str(refusal.value)
    assert refusal.value.__cause__ is None
    assert refusal.value.__context__ is None or refusal.value.__suppress_context__  # a traceback shows no more


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('[accounts.1]\nsecret = "x"', "accounts.1.secret: is not a known field; did you mean secret_key"),
        ("[accounts.1]\nsecret_key = 5", "accounts.1.secret_key: expected str, got int"),
        ('[accounts.1]\nsecret_key = ""', "accounts.1.secret_key: expected str of length >= 1"),
        ("accounts = 5", "accounts: expected"),
        ('[acounts.1]\nsecret_key = "x"', "did you mean accounts"),
        ("[accounts.1", "is not TOML"),
    ],
)
def test_the_fault_is_told_with_its_field(tmp_path: Path, text: str, fault: str) -> None:
    path = tmp_path / "credentials.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(ConfigurationError, match=fault):
        load(path, {})


def test_bytes_that_are_no_text_are_not_toml(tmp_path: Path) -> None:
    path = tmp_path / "credentials.toml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigurationError, match="is not TOML"):
        load(path, {})


@pytest.mark.parametrize("text", ["[accounts.1]\nsecret_key = " + "1" * 5000, "x = " + "[" * 5000 + "]" * 5000])
def test_toml_that_python_cannot_read_is_a_configuration_error_too(tmp_path: Path, text: str) -> None:
    """Another exception would end every attempt while such a file lies there."""
    path = tmp_path / "credentials.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(ConfigurationError):
        load(path, {})


def test_a_missing_file_or_a_folder_is_named(tmp_path: Path) -> None:
    for path in (tmp_path / "none.toml", tmp_path):
        with pytest.raises(ConfigurationError, match=r"^FORWARDER_CREDENTIALS_FILE: /.+: "):
            FileCredentials(path, {})


def test_a_changed_file_is_read_again(file: Path) -> None:
    credentials = FileCredentials(file, VARIABLES)
    rewrite(file, GOOD.replace("rpub-1", "rpub-9"))
    assert credentials.of("12345") == AccountCredentials(public_key="rpub-9", secret_key=SECRET)


def test_a_file_written_in_place_is_read_again(file: Path) -> None:
    """Of the same size, too: its time of change tells."""
    credentials = FileCredentials(file, VARIABLES)
    file.write_text(GOOD.replace("rpub-1", "rpub-9"), "utf-8")
    os.utime(file, ns=(1, 1))
    found = credentials.of("12345")
    assert found
    assert found.public_key == "rpub-9"


def test_an_unchanged_file_is_not_read_again(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every attempt asks."""
    credentials = FileCredentials(file, VARIABLES)
    monkeypatch.setattr("worker.access.credentials.load", lambda *_: pytest.fail("read again"))
    assert credentials.of("12345") == credentials.of("12345")


@pytest.mark.parametrize("text", [*BROKEN.values()][:3])
def test_a_file_that_became_faulty_changes_nothing_and_says_why(file: Path, text: str) -> None:
    credentials = FileCredentials(file, VARIABLES)
    rewrite(file, text)
    assert credentials.of("12345") == AccountCredentials(public_key="rpub-1", secret_key=SECRET)
    assert credentials.fault
    assert "TOPSECRET" not in credentials.fault


def test_a_file_that_went_away_changes_nothing(file: Path) -> None:
    credentials = FileCredentials(file, VARIABLES)
    file.unlink()
    assert credentials.of("12345")
    assert credentials.fault


def test_a_repaired_file_is_taken_and_the_fault_forgotten(file: Path) -> None:
    credentials = FileCredentials(file, VARIABLES)
    rewrite(file, "[accounts.1")
    credentials.of("12345")
    rewrite(file, GOOD.replace("rpub-1", "rpub-9"))
    found = credentials.of("12345")
    assert found
    assert (found.public_key, credentials.fault) == ("rpub-9", None)


def test_the_sandbox_has_made_up_keys_for_any_account() -> None:
    found = SandboxCredentials().of("12345")
    assert found
    assert "sandbox" in found.secret_key
