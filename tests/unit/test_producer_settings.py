"""The settings that producers and workers share, from the environment."""

from __future__ import annotations

from typing import Annotated

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Meta, Struct

from producers.errors import ConfigurationError
from producers.settings import BatchSettings, batch_settings, buffer_settings, read, secret_free


class Three(Struct, frozen=True):
    """Settings of no real part."""

    count: Annotated[int, Meta(ge=1, le=9)] = 5
    seconds: Annotated[float, Meta(gt=0)] = 1.5
    name: str = "x"


def caps(environ: dict[str, str]) -> BatchSettings:
    return batch_settings(environ, "event-api", max_events=100, max_bytes=1_000_000)


def test_nothing_set_gives_the_defaults() -> None:
    assert read(Three, {}) == Three()
    assert caps({}) == BatchSettings(max_events=100, max_bytes=1_000_000, linger_ms=1_000)


def test_a_variable_is_named_after_its_field() -> None:
    environ = {"FORWARDER_COUNT": "7", "FORWARDER_SECONDS": "2", "FORWARDER_NAME": "5"}
    assert read(Three, environ) == Three(7, 2.0, "5")


def test_an_empty_variable_means_unset() -> None:
    """Compose files pass on variables that nobody set as empty ones."""
    assert read(Three, {"FORWARDER_COUNT": "", "FORWARDER_NAME": ""}) == Three()
    assert read(Three, {"FORWARDER_EVENT_API_COUNT": "", "FORWARDER_COUNT": "3"}, "event-api").count == 3


def test_a_variable_of_the_destination_wins_over_the_general_one() -> None:
    environ = {"FORWARDER_COUNT": "3", "FORWARDER_EVENT_API_COUNT": "4", "FORWARDER_AUDIENCE_COUNT": "6"}
    assert read(Three, environ, "event-api").count == 4
    assert read(Three, environ, "audience").count == 6
    assert read(Three, environ, "server-events").count == 3


def test_a_variable_of_the_destination_wins_even_if_the_general_one_is_faulty() -> None:
    assert read(Three, {"FORWARDER_COUNT": "many", "FORWARDER_EVENT_API_COUNT": "4"}, "event-api").count == 4


@pytest.mark.parametrize("wrong", ["0", "10", "-1", "1.5", "five", "1 ", "0x5", "NaN", "true"])
def test_a_faulty_variable_is_named(wrong: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^FORWARDER_COUNT: expected int"):
        read(Three, {"FORWARDER_COUNT": wrong})


@pytest.mark.parametrize("wrong", ["nan", "inf", "-inf", "0", "-1", "1_0", "1,5", "1s"])
def test_seconds_that_are_no_number_above_zero_are_refused(wrong: str) -> None:
    """A NaN would pass every comparison that a later check makes."""
    if wrong == "inf":
        with pytest.raises(ConfigurationError, match="FORWARDER_TIMEOUT_S"):
            read(_Timeout, {"FORWARDER_TIMEOUT_S": wrong})
    else:
        with pytest.raises(ConfigurationError, match="FORWARDER_SECONDS"):
            read(Three, {"FORWARDER_SECONDS": wrong})


class _Timeout(Struct, frozen=True):
    timeout_s: Annotated[float, Meta(gt=0, le=600)] = 10


def test_every_faulty_variable_is_named_at_once() -> None:
    with pytest.raises(ConfigurationError) as refusal:
        read(Three, {"FORWARDER_EVENT_API_COUNT": "0", "FORWARDER_SECONDS": "-1"}, "event-api")
    assert "FORWARDER_EVENT_API_COUNT: " in str(refusal.value)
    assert "FORWARDER_SECONDS: " in str(refusal.value)


@given(
    st.dictionaries(st.sampled_from(["FORWARDER_COUNT", "FORWARDER_SECONDS", "FORWARDER_NAME"]), st.text(max_size=9))
)
def test_any_values_are_settings_or_a_configuration_error(environ: dict[str, str]) -> None:
    made, said = Three(), ""
    try:
        made = read(Three, environ)
    except ConfigurationError as error:
        said = str(error)
    assert not said or any(name in said for name in environ)
    assert 1 <= made.count <= 9
    assert made.seconds > 0


def test_redis_is_found_by_our_variable_first_then_the_common_one() -> None:
    both = {"FORWARDER_REDIS_URL": "redis://ours", "REDIS_URL": "redis://theirs"}
    assert buffer_settings(both).redis_url == "redis://ours"
    assert buffer_settings({"REDIS_URL": "redis://theirs"}).redis_url == "redis://theirs"
    assert buffer_settings({}).redis_url == "redis://127.0.0.1:6379/0"


def test_an_empty_variable_of_ours_leaves_redis_to_the_common_one() -> None:
    """Else events would go to a Redis on this machine that nobody named."""
    environ = {"FORWARDER_REDIS_URL": "", "REDIS_URL": "redis://theirs"}
    assert buffer_settings(environ).redis_url == "redis://theirs"


@pytest.mark.parametrize("wrong", ["", "a b", "a:b", "a{b", "é", "x" * 33, "a\n"])
def test_a_key_prefix_that_could_break_a_key_is_refused(wrong: str) -> None:
    """Colons and braces part the names and tags of keys."""
    if not wrong:
        assert buffer_settings({"FORWARDER_KEY_PREFIX": wrong}).key_prefix == "forwarder"
    else:
        with pytest.raises(ConfigurationError, match="FORWARDER_KEY_PREFIX"):
            buffer_settings({"FORWARDER_KEY_PREFIX": wrong})


def test_a_cap_may_be_smaller_than_rokts_and_never_larger() -> None:
    assert caps({"FORWARDER_MAX_EVENTS": "10"}).max_events == 10
    with pytest.raises(ConfigurationError, match="event-api takes at most 100 events a request"):
        caps({"FORWARDER_MAX_EVENTS": "101"})


def test_a_cap_that_is_too_large_is_named_by_the_variable_that_set_it() -> None:
    with pytest.raises(ConfigurationError, match="FORWARDER_EVENT_API_MAX_EVENTS"):
        caps({"FORWARDER_EVENT_API_MAX_EVENTS": "101"})


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://user:s3cret@host:6379/0", "redis://…@host:6379/0"),
        ("rediss://:s3cr@t@host", "rediss://…@host"),
        ("redis://host:6379/0", "redis://host:6379/0"),
        ("", ""),
    ],
)
def test_a_url_is_shown_without_its_password(url: str, shown: str) -> None:
    assert secret_free(url) == shown
