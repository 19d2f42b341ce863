"""A message that could not be accepted is kept without what it says of anybody, as far as it can be read."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.privacy import Privacy
from producers.privacy.personal_fields import PERSONAL
from tests.apis.cases import HASH
from tests.unit.samples import ACCOUNT, event, json_values
from tests.unit.test_privacy import pair

HASHING = Privacy("hash")
WITHHELD = "(withheld)"
DATA, JOHN, HELLO = "objectData", "john@example.com", "hello@example.com"


def line(event_: Any, destination: str = "event-api", **more: Any) -> dict[str, Any]:
    return {"destination": destination, "account": ACCOUNT, "event": event_, **more}


def kept(event_: Any, destination: str = "event-api") -> Any:
    made: Any = HASHING.redacted(line(event_, destination))
    assert (made["destination"], made["account"]) == (destination, ACCOUNT)
    return made["event"]


def test_the_replacements_are_those_of_an_accepted_event() -> None:
    """So a letter shows what would have been sent."""
    whole = event(
        eventTime="yesterday",
        objectData=[
            pair("Email", "hello@example.com"),
            pair("mobilesha256", HASH),
            pair("amount", "1"),
            pair("sku", ""),
        ],
        metaData=[{"Name": "firstname", "Value": "John"}, pair("email", "A@example.com"), pair("emailsha256", HASH)],
    )
    assert kept(whole) == HASHING.applied("event-api", ACCOUNT, whole)


@pytest.mark.parametrize("value", ["call me", 5551234567, ["x"], {"a": "x"}, "\ud800"])
def test_a_value_that_cannot_be_hashed_is_withheld(value: Any) -> None:
    (entry,) = kept(event(objectData=[pair("mobile", value)]))["objectData"]
    assert entry["name"] == "mobilesha256"
    assert entry["value"] in (WITHHELD, [WITHHELD], {"a": WITHHELD})


@pytest.mark.parametrize(
    ("malformed", "written"),
    [
        (JOHN, WITHHELD),
        ([JOHN, 5], [WITHHELD, WITHHELD]),
        ({DATA: "email=john@example.com"}, {DATA: WITHHELD}),
        ({DATA: [JOHN]}, {DATA: [WITHHELD]}),
        ({DATA: [["email", JOHN]]}, {DATA: [[WITHHELD, WITHHELD]]}),
        ({DATA: {"Email": HELLO, "age": 3}}, {DATA: {"emailsha256": HASH, "age": WITHHELD}}),
        ({DATA: [{"email": HELLO}]}, {DATA: [{"emailsha256": HASH}]}),
        ({DATA: pair("email", HELLO)}, {DATA: pair("emailsha256", HASH)}),
        ({DATA: [{"NAME": "email", "VALUE": HELLO}]}, {DATA: [{"NAME": "emailsha256", "VALUE": HASH}]}),
        ({DATA: [{"name": "email", "val": "john"}]}, {DATA: [{"name": "emailsha256", "val": WITHHELD}]}),
        ({DATA: [{"value": JOHN}]}, {DATA: [{"value": WITHHELD}]}),
        ({DATA: [{"name": JOHN, "value": "1"}]}, {DATA: [{"name": WITHHELD, "value": "1"}]}),
        ({"email": HELLO, "emailsha256": HASH}, {"emailsha256": HASH}),
        ({"customer": {"mail": JOHN}}, {"customer": {"mail": WITHHELD}}),
        ({JOHN: 1}, {WITHHELD: WITHHELD}),
        ({"eventType": "x", "clientEventId": "e-1", "b": None}, {"eventType": "x", "clientEventId": "e-1", "b": None}),
    ],
)  # fmt: skip
def test_a_shape_that_no_document_knows_lets_nothing_through(malformed: Any, written: Any) -> None:
    assert kept(malformed) == written


def test_a_member_of_a_list_keeps_its_hash() -> None:
    assert kept({"email": "hello@example.com", "action": "joins"}, "audience") == {"sha256": HASH, "action": "joins"}
    assert kept({"sha256": "hello@example.com", "list": "x"}, "audience") == {"sha256": HASH, "list": "x"}
    assert kept({"emails": ["a@example.com"], "action": "include"}, "audience")["emails"] == [WITHHELD]
    assert kept({"email": "nobody", "sha256": "nobody"}, "audience") == {"sha256": WITHHELD}


@pytest.mark.parametrize("message", ["john@example.com", ["john@example.com"], b"john", 5, {"account": ["john"]}])
def test_a_message_without_an_account_has_the_strictest_mode(message: Any) -> None:
    made = Privacy("plain", {"1": "hash"}).redacted(message)
    assert "john" not in str(made)
    assert WITHHELD in str(made)


def test_in_plain_mode_a_message_is_kept_as_it_came() -> None:
    message = line("john@example.com")
    assert Privacy("plain", {"1": "hash"}).redacted(message) is message
    assert Privacy().redacted("x") == "x"


def test_dropped_names_are_left_out_in_plain_mode_and_nothing_else_is_changed() -> None:
    dropping = Privacy(drop=frozenset({"dob", "account"}))
    whole = event(eventTime="x", objectData=[pair("DOB", "19851220"), pair("email", "a@example.com"), "text", 5])
    made: Any = dropping.redacted(line(whole))
    assert made == line({**whole, "objectData": [pair("email", "a@example.com"), "text", 5]})
    assert dropping.redacted(line({"objectData": {"Dob": "1", "sku": 2}})) == line({"objectData": {"sku": 2}})
    assert "1985" not in str(dropping.redacted(line({"objectData": pair("dob", "1985")})))


def test_no_depth_and_no_circle_is_an_error() -> None:
    deep: Any = "john@example.com"
    for _ in range(100_000):
        deep = [deep]
    circle: dict[str, Any] = {}
    circle["event"] = circle
    assert HASHING.redacted(deep) == WITHHELD
    assert HASHING.redacted(circle) == WITHHELD
    while isinstance(deep, list):
        deep = deep.pop()


somebody = "q7q7@example.com"
places = st.recursive(
    st.just(somebody) | json_values,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["objectData", "event", "name", "value", "Value", "other", *PERSONAL, "EmailSHA256"])
            | st.just(somebody),
            inner,
            max_size=3,
        )
        | st.sampled_from(PERSONAL).map(lambda name: pair(name, somebody))
    ),
    max_leaves=10,
)


@given(places)
def test_wherever_an_address_stands_without_a_name_of_its_own_it_is_not_kept(whole: Any) -> None:
    """Under a name that no document gives a meaning to it may stay: it would have been sent, too."""
    message = line(whole)
    before = copy.deepcopy(message)
    made = HASHING.redacted(message)
    assert message == before
    assert HASHING.redacted(made) == made
    assert somebody not in json.dumps(without_free_fields(made))


def without_free_fields(value: Any) -> Any:
    """Without the values of entries whose name is the shop's own."""
    if isinstance(value, list):
        return [without_free_fields(each) for each in value]
    if not isinstance(value, dict):
        return value
    free = isinstance(value.get("name"), str)
    return {key: without_free_fields(each) for key, each in value.items() if not (free and key in ("value", "Value"))}
