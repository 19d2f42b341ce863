"""In mode `hash` personal fields leave the process as their SHA-256 alone; what is dropped does not leave at all."""

from __future__ import annotations

import copy
import json
from collections import UserDict
from enum import Enum
from hashlib import sha256
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from producers.destinations import DESTINATIONS, event_api, server_events
from producers.destinations.audience import Event as Member
from producers.errors import InvalidEvent
from producers.normalisation import hashed_email
from producers.privacy import Privacy
from producers.privacy.personal_fields import PERSONAL
from tests.apis.cases import HASH
from tests.unit.samples import ACCOUNT, NOW, event, json_values

HASHING = Privacy("hash")
SAID = {
    "email": ("  Hello@Example.com ", "hello@example.com"),
    "firstname": (" Jöhn\t", "jöhn"),
    "lastname": ("SMITH", "smith"),
    "mobile": ("+1 (323) 867-5309", "3238675309"),
    "ipaddress": (" 2001:DB8:0::1", "2001:db8::1"),
}


def digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def pair(name: str, value: Any) -> dict[str, Any]:
    return {"name": name, "value": value}


def hashed(*entries: Any, part: str = "objectData") -> Any:
    """What mode `hash` makes of a list, in an event."""
    return HASHING.applied("event-api", ACCOUNT, {"eventType": "x", part: list(entries)})[part]


def refused(event: Any, destination: str = "event-api") -> list[str]:
    with pytest.raises(InvalidEvent) as told:
        HASHING.applied(destination, ACCOUNT, event)
    return [str(fault) for fault in told.value.faults]


def test_the_noted_digest_is_the_documents() -> None:
    assert digest("hello@example.com") == HASH == "1753bdb368271a785887ddbfb926164f2f7c6a88f609c07ff0401c5572955206"


def test_the_table_of_these_tests_knows_every_personal_field() -> None:
    assert tuple(SAID) == PERSONAL


@pytest.mark.parametrize("part", ["objectData", "metaData", "metadata"])
@pytest.mark.parametrize("name", PERSONAL)
def test_each_is_normalised_as_the_document_says_and_replaced_by_its_hash(name: str, part: str) -> None:
    given_, plain = SAID[name]
    assert hashed(pair(name, given_), pair("sku", "1"), part=part) == [
        pair(f"{name}sha256", digest(plain)),
        pair("sku", "1"),
    ]


@pytest.mark.parametrize("spelling", ["Email", "EMAIL", " email\t", "eMail"])
def test_no_spelling_of_a_name_slips_through(spelling: str) -> None:
    assert hashed(pair(spelling, "hello@example.com")) == [pair("emailsha256", HASH)]


def test_metadata_is_read_in_both_spellings_of_the_document() -> None:
    made = hashed({"Name": "Email", "Value": "hello@example.com"}, part="metadata")
    assert made == [{"Name": "emailsha256", "Value": HASH}]


@pytest.mark.parametrize(
    "both",
    [
        {"name": "x", "Name": "email", "value": "1", "Value": "hello@example.com"},
        {"name": "email", "Name": "x", "Value": "1", "value": "hello@example.com"},
        {"name": "email", "Name": "x", "value": "hello@example.com", "Value": 5},
    ],
)
def test_an_entry_spelled_in_two_ways_lets_nothing_slip_through(both: dict[str, Any]) -> None:
    """`server-events` takes the last of two spellings for what is meant."""
    given_ = {
        "eventType": "SignalViewed",
        "sessionId": "s",
        "parentGuid": "p",
        "clientUniqueId": "c",
        "metadata": [both],
    }
    made = HASHING.applied("server-events", ACCOUNT, given_)
    try:
        payload = server_events.prepare(ACCOUNT, made, None, NOW).payload
    except InvalidEvent as error:
        payload = str(error).encode()
    assert b"example.com" not in payload


@pytest.mark.parametrize("name", PERSONAL)
@pytest.mark.parametrize("spelling", [HASH, HASH.upper(), f" {HASH} "])
def test_nothing_is_hashed_twice(name: str, spelling: str) -> None:
    """A SHA-256 stays one, under whichever of the two names it came."""
    assert hashed(pair(name, spelling)) == [pair(f"{name}sha256", HASH)]
    assert hashed(pair(f"{name}sha256", spelling)) == [pair(f"{name}sha256", HASH)]


@pytest.mark.parametrize("name", PERSONAL)
def test_a_plain_value_under_a_hashed_name_is_hashed(name: str) -> None:
    """Mistake 3 of integrators: a plain address sent as a hash."""
    given_, plain = SAID[name]
    assert hashed(pair(f"{name}sha256", given_)) == [pair(f"{name}sha256", digest(plain))]


def test_plain_and_hashed_of_one_field_are_never_both_sent() -> None:
    """The caller's own hash wins, wherever it stands; an empty one is none. Equal digests are sent once."""
    other = "ab" * 32
    assert hashed(pair("email", "hello@example.com"), pair("EmailSHA256", other)) == [pair("EmailSHA256", other)]
    assert hashed(pair("emailsha256", ""), pair("email", "hello@example.com")) == [pair("emailsha256", HASH)]
    assert hashed(pair("email", "hello@example.com"), pair("email", "HELLO@example.com")) == [pair("emailsha256", HASH)]
    assert hashed(pair("emailsha256", other), pair("firstnamesha256", other)) == [
        pair("emailsha256", other),
        pair("firstnamesha256", other),
    ]


@pytest.mark.parametrize("name", [*PERSONAL, *(f"{name}sha256" for name in PERSONAL)])
@pytest.mark.parametrize("blank", ["", " ", "\n"])
def test_an_empty_value_is_left_out(name: str, blank: str) -> None:
    """There is nobody behind it, and its hash would be the same for all."""
    assert hashed(pair(name, blank), pair("sku", "1")) == [pair("sku", "1")]


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("email", "nobody", "is not an e-mail address"),
        ("mobile", "call s3cret", "is not a mobile number"),
        ("mobilesha256", "s3cret", "is not a mobile number"),
        ("ipaddress", "1.2.3.4, s3cret", "is not an IP address"),
        ("ipaddress", "fe80::1%s3cret", "is an IP address of one network interface alone"),
        ("firstname", "d41d8cd98f00b204e9800998ecf8427e", "must be 64 hexadecimal digits"),
        ("emailsha256", HASH[:-1], "must be 64 hexadecimal digits"),
        ("lastname", "s3cret\ud800", "holds half of a surrogate pair"),
    ],
)
def test_what_cannot_be_hashed_is_refused_by_its_place_and_never_repeated(name: str, value: str, message: str) -> None:
    whole = event(objectData=[pair("sku", "1"), pair(name, value)], metaData=[pair("Mobile", "x")])
    first, second = refused(whole)
    assert first.startswith(f"event.objectData[1].value: {message}")
    assert first.endswith("; FORWARDER_PII=hash must hash it")
    assert second.startswith("event.metaData[0].value: ")
    assert value not in first + second
    assert "s3cret" not in first + second


@pytest.mark.parametrize(
    ("spelling", "plain"),
    [("::ffff:192.0.2.1", "192.0.2.1"), ("192.0.2.1 ", "192.0.2.1"), ("2001:0DB8:0:0:0:0:0:1", "2001:db8::1")],
)
def test_an_ip_address_has_one_hash_however_it_is_written(spelling: str, plain: str) -> None:
    assert hashed(pair("ipaddress", spelling)) == [pair("ipaddresssha256", digest(plain))]


def test_a_member_of_a_list_is_hashed() -> None:
    applied = {**Privacy("hash").applied("audience", "1", {"email": " Hello@Example.com", "action": "include"})}
    assert applied == {"sha256": HASH, "action": "include"}
    plain_as_hash = HASHING.applied("audience", "1", {"action": "exclude", "sha256": "HELLO@example.com"})
    assert plain_as_hash == {"action": "exclude", "sha256": HASH}
    assert refused({"email": "s3cret", "action": "include"}, "audience") == [
        "event.email: is not an e-mail address; FORWARDER_PII=hash must hash it"
    ]


def test_an_address_in_both_ways_is_the_destinations_to_refuse() -> None:
    both = {"email": "a@example.com", "sha256": HASH, "action": "include"}
    assert HASHING.applied("audience", "1", both) is both
    with pytest.raises(InvalidEvent, match="exactly one"):
        DESTINATIONS["audience"].prepare("1", both, None, NOW)


def test_plain_mode_without_names_to_drop_gives_the_same_object() -> None:
    whole = event()
    assert Privacy().applied("event-api", ACCOUNT, whole) is whole


def test_an_event_without_personal_fields_is_the_same_object() -> None:
    whole = event(objectData=[pair("amount", "1"), pair("emailsha256", HASH)])
    assert HASHING.applied("event-api", ACCOUNT, whole) is whole


def test_an_account_may_have_a_mode_of_its_own() -> None:
    whole = event()
    some = Privacy("plain", {"1": "hash"})
    assert some.applied("event-api", "1", whole) is not whole
    assert some.applied("event-api", "2", whole) is whole
    others = Privacy("hash", {"1": "plain"})
    assert others.applied("event-api", "1", whole) is whole
    assert others.applied("event-api", "2", whole) is not whole


@pytest.mark.parametrize("account", [None, 1, ["1"], {}])
def test_what_is_no_account_has_the_strictest_mode(account: Any) -> None:
    whole = event()
    assert Privacy("plain", {"1": "hash"}).applied("event-api", account, whole) is not whole


def test_an_unknown_mode_hashes() -> None:
    """A mistake must not let addresses out."""
    wrong: Any = "hsah"
    assert "john@example.com" not in str(Privacy(wrong).applied("event-api", ACCOUNT, event()))


@pytest.mark.parametrize("mode", ["plain", "hash"])
@pytest.mark.parametrize("part", ["objectData", "metaData", "metadata"])
def test_dropped_names_are_left_out_in_any_mode_and_spelling(mode: Any, part: str) -> None:
    privacy = Privacy(mode, drop=frozenset({"DOB", "loyalty tier"}))
    entries = [pair("dob", "19851220"), {"Name": " Dob ", "Value": "x"}, pair("Loyalty Tier", "gold"), pair("sku", "1")]
    assert privacy.applied("event-api", ACCOUNT, {part: entries})[part] == [pair("sku", "1")]


def test_a_hash_whose_name_is_dropped_is_not_made() -> None:
    privacy = Privacy("hash", drop=frozenset({"emailsha256", "mobile"}))
    made = privacy.applied("event-api", ACCOUNT, event(objectData=[pair("email", "a@b.c"), pair("mobile", "55512")]))
    assert made["objectData"] == []


def test_what_is_taken_for_an_event_is_hashed_whatever_it_is_made_of() -> None:
    """Mappings of any kind, tuples for lists, and the destinations' own models."""
    entries = (UserDict(pair("email", "hello@example.com")), MappingProxyType(pair("firstname", "John")))
    field = event_api.Field("email", "hello@example.com")
    model = event_api.Event(clientEventId="i", eventType="x", eventTime="2026-11-22T10:00:00Z", objectData=[field])
    for whole in (MappingProxyType(event(objectData=entries)), UserDict(event(objectData={field})), model):
        payload = event_api.prepare(ACCOUNT, HASHING.applied("event-api", ACCOUNT, whole), None, NOW).payload
        assert HASH.encode() in payload
        assert b"example.com" not in payload
    member = HASHING.applied("audience", ACCOUNT, Member(action="include", email="hello@example.com"))
    assert DESTINATIONS["audience"].prepare(ACCOUNT, member, None, NOW).payload == b'"%s"' % HASH.encode()


# What nobody could write by chance, so that finding it means that it was let through.
secrets = st.integers(10**9, 10**10 - 1).map(str)
spellings = st.sampled_from(["{}", " {}\t"])


@st.composite
def personal_entries(draw: st.DrawFn) -> tuple[list[dict[str, str]], list[str]]:
    """Entries, and what must not be found again."""
    entries, hidden = [], []
    for name in draw(st.lists(st.sampled_from(PERSONAL), max_size=6)):
        secret = draw(secrets)
        address = f"10.{secret[1:3]}.{secret[3:5]}.{secret[5:7]}".replace(".0", ".")
        value = {"email": f"Q{secret}@Example.com", "ipaddress": address, "mobile": secret}.get(name, f"Q{secret}")
        named = name + draw(st.sampled_from(["", "sha256"]))
        said = draw(spellings).format(draw(st.sampled_from([named, named.upper(), named.title()])))
        entries.append(pair(said, draw(st.sampled_from([value, f" {value} ", value.upper()]))))
        hidden += [value.lower()]
    return [*entries, pair("amount", "85.00")], hidden


@given(personal_entries(), personal_entries(), st.sampled_from(["event-api", "server-events"]))
def test_no_plain_value_survives_and_twice_is_once_and_the_callers_object_is_left_alone(
    first: Any, second: Any, destination: str
) -> None:
    whole = {"eventType": "x", "objectData": first[0], "metaData": second[0], "metadata": first[0]}
    before = copy.deepcopy(whole)
    once = HASHING.applied(destination, ACCOUNT, whole)
    text = json.dumps(once).lower()
    assert not [value for value in (*first[1], *second[1]) if f'"{value}' in text or f" {value}" in text]
    assert HASHING.applied(destination, ACCOUNT, once) is once
    assert whole == before
    assert all(pair("amount", "85.00") in once[part] for part in ("objectData", "metaData", "metadata"))


@settings(max_examples=50)
@given(
    st.fixed_dictionaries(
        {},
        optional={
            part: st.lists(
                st.dictionaries(
                    st.sampled_from(["name", "value", "Name", "Value"]), json_values | st.sampled_from([*PERSONAL])
                )
                | json_values,
                max_size=4,
            )
            | json_values
            for part in ("objectData", "metaData", "metadata", "email", "sha256")
        },
    )
    | json_values,
    st.sampled_from([*DESTINATIONS, "nowhere"]),
)
def test_anything_malformed_is_given_back_or_refused_by_its_place(whole: Any, destination: str) -> None:
    """Never another error, and never a change of what it was given."""
    before = copy.deepcopy(whole)
    privacy = Privacy("hash", drop=frozenset({"dob"}))
    places: list[str] = []
    try:
        privacy.applied(destination, ACCOUNT, whole)
    except InvalidEvent as error:
        places = [fault.field for fault in error.faults]
    assert all(place.startswith("event.") for place in places)
    assert whole == before


class Field(str, Enum):  # noqa: UP042 - see below
    """As a shop may name its fields; not a StrEnum, so that str() of it is another text."""

    EMAIL = "email"


@pytest.mark.parametrize(
    "name", ["email\u200b", "\ufeffemail", "e\u00admail", "email\0", "\uff45mail", "EMA\u0130L", " Email ", Field.EMAIL]
)
def test_a_name_that_only_looks_like_the_field_is_taken_for_it(name: str) -> None:
    """What came from a table's first line, or was copied from a page, may hold what nobody sees."""
    event = {"objectData": [{"name": name, "value": "Jane@Example.com"}]}
    (left,) = HASHING.applied("event-api", "1", event)["objectData"]
    assert left == {"name": "emailsha256", "value": hashed_email("jane@example.com")}
