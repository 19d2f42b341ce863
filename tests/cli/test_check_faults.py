"""What can be seen of credentials without asking: missing halves, wrong fields, what no header can carry."""

from __future__ import annotations

import pytest

from producers.destinations.accounts import AccountCredentials
from worker.check.fields import faults_of, shown
from worker.check.services import services_of

PAIR = {"public_key": "rpub-aaaa-1111", "secret_key": "rsec-bbbb-2222"}
APP = {"app_id": "app-one", "app_secret": "app-secret"}
TAG = {"tag_id": "1122", "client_id": "client-one", "client_secret": "client-secret"}
KEY = {"audience_api_key": "0123456789abcdef"}


def faults(**fields: str) -> dict[str, str]:
    """Field -> what is wrong with it; each field has one fault at most here."""
    found = faults_of(AccountCredentials(**fields))
    assert len({fault.field for fault in found}) == len(found), found
    return dict(found)


@pytest.mark.parametrize("whole", [PAIR, APP, TAG, KEY, {**PAIR, **APP, **TAG, **KEY}])
def test_whole_credentials_have_no_fault(whole: dict[str, str]) -> None:
    assert faults(**whole) == {}


def test_an_account_without_any_is_told() -> None:
    assert "none of any kind" in faults()["credentials"]


@pytest.mark.parametrize("whole", [PAIR, APP, TAG])
def test_each_half_that_is_missing_is_named_with_those_that_are_given(whole: dict[str, str]) -> None:
    for name in whole:
        rest = {field: value for field, value in whole.items() if field != name}
        found = faults(**rest)
        assert list(found) == [name]
        assert found[name].startswith("is missing, while ")
        assert all(field in found[name] for field in rest)


def test_swapped_keys_are_told_as_swapped() -> None:
    found = faults(public_key=PAIR["secret_key"], secret_key=PAIR["public_key"])
    assert list(found) == ["public_key", "secret_key"]
    assert all("are swapped" in text for text in found.values())
    assert "holds a secret key (rsec-), which belongs in secret_key" in found["public_key"]


def test_a_key_pair_in_the_fields_of_an_app_is_told_by_where_it_belongs() -> None:
    found = faults(app_id=PAIR["public_key"], app_secret=PAIR["secret_key"])
    assert "belongs in public_key" in found["app_id"]
    assert "belongs in secret_key" in found["app_secret"]


def test_a_half_in_another_kinds_field_is_missing_from_its_own_and_makes_no_other_kind() -> None:
    """Nothing is said of a tag that nobody meant to give."""
    found = faults(public_key=PAIR["public_key"], client_secret=PAIR["secret_key"])
    assert list(found) == ["secret_key", "client_secret"]
    assert found["secret_key"].startswith("is missing")
    assert "belongs in secret_key" in found["client_secret"]


def test_an_app_id_in_the_public_keys_field_is_told() -> None:
    found = faults(public_key="app-one", secret_key="app-secret")
    assert found["public_key"] == "does not begin with rpub-; is it an app id, for app_id?"
    assert "app_secret" in found["secret_key"]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (" app-one", "white space at its start"),
        ("app-one\n", "white space at its end"),
        ("\tapp-one ", "start and end"),
        ("app one", "a space or a character"),
        ("äpp", "not ASCII"),
        ("app\udcff", "not ASCII"),
        ("app:one", "colon"),
    ],
)
def test_what_no_request_can_carry_is_told(value: str, said: str) -> None:
    assert said in faults(app_id=value, app_secret="app-secret")["app_id"]


@pytest.mark.parametrize("halves", [("app_id", "app_secret"), ("client_id", "client_secret")])
def test_the_same_value_in_both_halves_is_told_once(halves: tuple[str, str]) -> None:
    found = faults(**{**APP, **TAG, halves[0]: "same-value", halves[1]: "same-value"})
    assert found == {halves[1]: f"is the same as {halves[0]}"}


def test_no_fault_repeats_more_than_a_prefix() -> None:
    secret = "rsec-very-secret-0123456789"
    for name in AccountCredentials.__struct_fields__:
        for value in (secret, f" {secret} ", f"x{secret}", f"{secret}\n:ä"):
            assert "very" not in str(faults_of(AccountCredentials(**{name: value})))


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("rpub-0123456789abcdefghi", "rpub-… (24 characters)"),
        ("short", "… (5 characters)"),
        ("long-enough-value", "long-… (17 characters)"),
        ("\x1b]0;a" + "x" * 20, "?]0;a… (25 characters)"),
    ],
)
def test_what_is_shown_of_a_value(value: str, said: str) -> None:
    assert shown(value) == said


def test_which_api_each_kind_is_for() -> None:
    hosts = {"event-api": "https://api.example.com"}

    def served(**fields: str) -> dict[str, str]:
        services = services_of("1", AccountCredentials(**fields), hosts)
        return {each.destination: each.api for each in services if not each.lacking}

    assert served(**PAIR) == {"event-api": "v2", "audience": "v3"}
    assert served(**APP) == {"event-api": "v1"}
    assert served(**KEY) == {"audience": "1.0 (legacy)"}
    assert served(**TAG) == {"server-events": "v1"}
    assert served(**PAIR, **APP, **KEY) == {"event-api": "v2", "audience": "v3"}, "as the worker chooses"
    assert services_of("1", AccountCredentials(**PAIR), hosts)[0].url == "https://api.example.com/v2/events"
