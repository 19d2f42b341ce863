"""Privacy from the environment, and what its messages never say."""

from __future__ import annotations

from typing import Any

import pytest

from producers.destinations import DESTINATIONS, destination_named
from producers.errors import ConfigurationError, InvalidEvent
from producers.lines import Line
from producers.privacy import Privacy
from producers.settings import privacy_settings
from tests.unit.samples import ACCOUNT, NOW, event


def test_nothing_set_changes_nothing() -> None:
    assert privacy_settings({}) == Privacy()
    assert privacy_settings({"FORWARDER_PII": "", "FORWARDER_PII_ACCOUNTS": "", "FORWARDER_PII_DROP": ""}) == Privacy()


def test_every_variable_is_read() -> None:
    environ = {
        "FORWARDER_PII": "hash",
        "FORWARDER_PII_ACCOUNTS": " 12345=hash, a=b=plain ,",
        "FORWARDER_PII_DROP": "dob, Address1 ,loyalty tier,",
    }
    accounts: dict[str, Any] = {"12345": "hash", "a=b": "plain"}
    assert privacy_settings(environ) == Privacy("hash", accounts, frozenset({"dob", "address1", "loyalty tier"}))


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("FORWARDER_PII", "hsah", "must be one of plain, hash; did you mean hash?"),
        ("FORWARDER_PII", "HASH", "must be one of plain, hash"),
        ("FORWARDER_PII_ACCOUNTS", "12345", "its part 1 must be like 12345=hash or 12345=plain"),
        ("FORWARDER_PII_ACCOUNTS", "1=hash,2=Hash", "its part 2 must be like"),
        ("FORWARDER_PII_ACCOUNTS", "=hash", "its part 1 must be like"),
        ("FORWARDER_PII_ACCOUNTS", "1=hash,1=plain", "its part 2 names its account twice"),
    ],
)
def test_a_faulty_variable_is_named(variable: str, value: str, message: str) -> None:
    with pytest.raises(ConfigurationError) as refusal:
        privacy_settings({variable: value})
    assert str(refusal.value).startswith(f"{variable}: {message}")


WHO = "jane.doe@example.com"
MISPLACED: list[tuple[str, Any]] = [
    ("event-api", {**event(), WHO: "x"}),
    ("event-api", event(objectData={"email": WHO})),
    ("event-api", event(objectData=[WHO])),
    ("event-api", event(objectData=[{WHO: "email"}])),
    ("event-api", event(objectData=[{"name": WHO * 20, "value": WHO * 9000}])),
    ("event-api", event(objectData=[{"name": "email", "value": {WHO: "\ud800"}}])),
    ("event-api", event(objectData=[{"name": "email", "value": [WHO]}])),
    ("event-api", event(objectData=[{"name": f"rokt.{WHO}", "value": "x"}])),
    ("event-api", event(eventTime=WHO)),
    ("event-api", event(eventType=WHO * 10, clientEventId=WHO * 10)),
    ("event-api", WHO),
    ("server-events", {"eventType": WHO, "eventTime": WHO, "metadata": {WHO: WHO}, WHO: 1}),
    ("audience", {"action": WHO, "list": ["x", WHO]}),
    ("audience", {"action": "include", "email": f"{WHO} and {WHO}"}),
    ("audience", {"action": "include", "sha256": WHO}),
    ("audience", {"action": "include", "emails": [WHO]}),
]


@pytest.mark.parametrize(("destination", "whole"), MISPLACED)
@pytest.mark.parametrize("mode", ["plain", "hash"])
def test_no_refusal_repeats_a_value_wherever_it_stood(destination: str, whole: Any, mode: Any) -> None:
    """Nor a name that looks like no name."""
    if mode == "hash" and "sha256" in whole:
        assert WHO not in str(Privacy(mode).applied(destination, ACCOUNT, whole))
        return
    with pytest.raises(InvalidEvent) as refusal:
        DESTINATIONS[destination].prepare(ACCOUNT, Privacy(mode).applied(destination, ACCOUNT, whole), None, NOW)
    assert "jane" not in str(refusal.value)
    assert "jane" not in repr(refusal.value)


@pytest.mark.parametrize("name", [WHO, [WHO], {WHO: 1}, "Jane"])
def test_a_destination_that_is_none_is_not_repeated(name: Any) -> None:
    with pytest.raises(InvalidEvent, match="destination: must be one of event-api, server-events, audience") as refusal:
        destination_named(name)
    assert "ane" not in str(refusal.value).replace("audience", "")
    with pytest.raises(InvalidEvent, match=r"did you mean event-api\?"):
        destination_named("event_api")


def test_a_line_that_is_none_does_not_repeat_its_fields() -> None:
    with pytest.raises(InvalidEvent) as refusal:
        Line.of({"destination": 5, "account": [WHO], WHO: WHO})
    assert "jane" not in str(refusal.value)
    assert "(a name): is not a known field" in str(refusal.value)
