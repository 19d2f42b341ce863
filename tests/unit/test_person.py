"""Whose an event is: every spelling of an address, its hash, and nobody else's."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.stored_event import StoredEvent
from worker.erasure.person import Person

JANE = "jane@example.com"
HASH = sha256(JANE.encode()).hexdigest()
BY_ADDRESS, BY_HASH = Person([" Jane@Example.com"]), Person(hashes=[HASH.upper()])
BOTH = pytest.mark.parametrize("person", [BY_ADDRESS, BY_HASH], ids=["address", "hash"])


def stored(payload: Any, **header: Any) -> bytes:
    text = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return StoredEvent(1_700_000_000_000, 0, text, **header).encode()


@BOTH
@pytest.mark.parametrize(
    "payload",
    [
        JANE,
        HASH,
        HASH.upper(),
        {"objectData": [{"name": "email", "value": "JANE@example.COM "}]},
        {"a": {"b": [1, None, [{"c": HASH}]]}},
        b'{"email": "jane\\u0040example.com"}',
        b'"\\u006a\\u0061ne@example.com"',
        '{"name": "Jöhn", "email": "jane@example.com"}'.encode(),
        b"not JSON: jane@example.com.",
    ],
)
def test_an_event_is_theirs_however_it_is_spelled(person: Person, payload: Any) -> None:
    assert person.is_in(stored(payload))
    assert person.is_in(stored(payload, id="an-id", history=({"reasons": []},)))


@BOTH
@pytest.mark.parametrize(
    "payload",
    [
        "mary.jane@example.com",
        "jane@example.com.au",
        {"note": "write to jane@example.com"},
        {JANE: "a name, and no value"},
        HASH + "0",
        b"not JSON: mary-jane@example.com",
        b"",
    ],
)
def test_an_event_that_only_looks_like_theirs_is_not(person: Person, payload: Any) -> None:
    assert not person.is_in(stored(payload))


@BOTH
def test_an_id_that_is_an_address_is_theirs(person: Person) -> None:
    assert person.is_in(stored({"a": 1}, id=JANE))


@BOTH
def test_what_was_blanked_is_nobodys(person: Person) -> None:
    assert not person.is_in(b"")


@BOTH
@pytest.mark.parametrize(
    ("message", "is_theirs"),
    [
        (b'{"destination": "x", "event": {"mail": "<Jane@Example.com>"}}', True),
        (b"no line, jane@example.com", True),
        (b"email=jane@example.com&x=1", True),
        (b'{"a": "jane\\u0040example.com"}', True),
        (b'{"a": "line\\njane@example.com"', True),
        (b"\xff jane@example.com \xfe", True),
        (f"hash {HASH.upper()}".encode(), True),
        (b"mary.jane@example.com", False),
        (b"jane@example.community", False),
        (b"", False),
    ],
)
def test_a_message_of_the_intake_is_theirs_if_it_names_them_anywhere(
    person: Person, message: bytes, is_theirs: bool
) -> None:
    assert person.is_in_text(message) == is_theirs


def test_addresses_beyond_ascii_are_lowercased_too() -> None:
    person = Person(["jörg@example.com"])
    assert person.is_in(stored('"JÖRG@example.com"'.encode()))
    assert person.is_in(stored({"email": "JÖRG@EXAMPLE.COM"}))


def test_one_person_may_have_many_addresses_and_hashes() -> None:
    person = Person([JANE], [sha256(b"j@example.com").hexdigest()])
    assert [person.is_in(stored(each)) for each in (JANE, "j@example.com", "x@example.com")] == [True, True, False]


@pytest.mark.parametrize("arguments", [(["nobody"], []), ([], ["1234"]), ([HASH], []), ([], [JANE])])
def test_what_is_no_address_or_no_hash_is_refused(arguments: tuple[list[str], list[str]]) -> None:
    with pytest.raises(ValueError, match=r"address|hexadecimal|SHA-256") as told:
        Person(*arguments)
    assert JANE not in str(told.value)


TEXTS = st.one_of(st.text(max_size=8), st.sampled_from([JANE, HASH, " JANE@EXAMPLE.COM\n", "jane@"]))
VALUES = st.recursive(TEXTS | st.none() | st.integers(), lambda of: st.lists(of) | st.dictionaries(st.text(), of))


@given(value=VALUES, ascii_only=st.booleans())
def test_an_event_is_theirs_if_and_only_if_a_value_in_it_is(value: Any, ascii_only: bool) -> None:
    """What the cheap look at the bytes says is what a look at every value says."""

    def values(of: Any) -> list[str]:
        if isinstance(of, Mapping):
            return [text for each in of.values() for text in values(each)]
        if isinstance(of, list):
            return [text for each in of for text in values(each)]
        return [of] if isinstance(of, str) else []

    wanted = any(text.strip().lower() in (JANE, HASH) for text in values(value))
    payload = json.dumps(value, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    assert BY_ADDRESS.is_in_payload(payload) == BY_HASH.is_in_payload(payload) == wanted
