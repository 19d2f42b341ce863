"""Paths into an event: what is set is found there, what is set back is as it was, and every mistake is told."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.errors import InvalidEvent
from worker.dead_letters.differences import changed_fields, difference
from worker.dead_letters.paths import Name, Setting, Where, found, parse, setting, spelled, with_set, without

EVENT: dict[str, Any] = {
    "eventType": "conversoin",
    "count": 3,
    "objectData": [{"name": "amount", "value": "1"}, {"name": "a=b.c]", "value": "2"}, {"name": "x", "value": "3"}],
    "a.b": {"0": True},
}
TEXTS = st.text(min_size=1, max_size=4) | st.text(".[]=\\0a\n", min_size=1, max_size=4)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("given_", "where", "value"),
    [
        ("eventType=conversion", "eventType", "conversion"),
        ("eventType=5", "eventType", "5"),  # a text stays one
        ("count=4", "count", 4),
        ("count=many", "count", "many"),
        ("objectData.0.value=12.50", "objectData[0].value", "12.50"),
        ("objectData[name=amount].value=a=b", "objectData.0.value", "a=b"),
        (r"objectData[name=a=b.c\]].value=", "objectData.1.value", ""),
        ('objectData[+]={"name": "y", "value": ""}', "objectData.3", {"name": "y", "value": ""}),
        ("objectData.3=null", "objectData.3", None),
        (r"a\.b.0=false", r"a\.b.0", False),
        ("objectData=[]", "objectData", []),
        ("new=NaN", "new", "NaN"),  # which is no JSON
    ],
)
def test_a_value_is_set_where_the_path_says(given_: str, where: str, value: Any) -> None:
    before = repr(EVENT)
    assert found(with_set(EVENT, setting(given_)), parse(where)) == value
    assert repr(EVENT) == before, "what was given is not changed"


@pytest.mark.parametrize(
    ("given_", "said"),
    [
        ("", "must be like"),
        ("eventType", "must be like"),
        ("=5", "is no path"),
        ("objectData[0=5", "must be like"),
        ("objectData..value=5", "is no path"),
        ("objectData[name].value=5", "brackets"),
        ("objectData[name=amuont].value=5", "did you mean amount"),
        ("objectData[name=zzz].value=5", "a new one goes to"),
        ("objectData[name=amount]x=5", "is no path"),
        ("objectData.7.value=5", "which has 3 entries"),
        ("objectData.first=5", "number of an entry"),
        ("objectdata.0.value=5", "did you mean objectData"),
        ("eventType.x=5", "neither an object nor a list"),
        ("[a=b].x=5", "where no list stands"),
    ],
)
def test_a_path_that_leads_nowhere_is_told(given_: str, said: str) -> None:
    with pytest.raises(InvalidEvent, match=said):
        with_set(EVENT, setting(given_))


def test_of_two_entries_that_are_so_none_is_guessed() -> None:
    event = {"objectData": [{"name": "a", "value": "1"}] * 2}
    with pytest.raises(InvalidEvent, match="2 entries are so; name one by its number: 0, 1"):
        with_set(event, setting("objectData[name=a].value=2"))


def test_what_is_unset_is_gone_and_what_is_not_there_is_told() -> None:
    assert without(EVENT, parse("count")).keys() == EVENT.keys() - {"count"}
    left = without(EVENT, parse("objectData[name=amount]"))["objectData"]
    assert [each["value"] for each in left] == ["2", "3"]
    for path in ("counts", "objectData.3", "objectData[+]", "objectData[name=none]"):
        with pytest.raises(InvalidEvent):
            without(EVENT, parse(path))


@given(st.lists(st.builds(Name, TEXTS) | st.builds(Where, TEXTS, TEXTS), min_size=1, max_size=4))
def test_a_path_that_is_spelled_is_read_as_the_same(path: list[Any]) -> None:
    assert parse(spelled(path)) == tuple(path)
    assert setting(spelled(path) + "=a=b") == Setting(tuple(path), "a=b")


@given(VALUES, st.data(), TEXTS)
def test_editing_there_and_back_is_as_it_was_and_a_value_that_is_set_is_found(
    event: Any, data: st.DataObject, text: str
) -> None:
    places = list(_places(event))
    if not places:
        return
    path = data.draw(st.sampled_from(places))
    old = found(event, path)
    edited = with_set(event, Setting(path, text))
    if isinstance(old, str):
        assert found(edited, path) == text
        assert with_set(edited, Setting(path, old)) == event
    assert bool(difference(event, edited)) == (event != edited or repr(event) != repr(edited))


def _places(value: Any, above: tuple[Name, ...] = ()) -> Any:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, each in inner:
        yield (*above, Name(str(name)))
        yield from _places(each, (*above, Name(str(name))))


def test_the_difference_is_unified_and_the_changed_fields_are_named() -> None:
    after = {**EVENT, "eventType": "conversion", "jane@example.com": 1}
    assert [line for line in difference(EVENT, after) if line[:1] in "+-"] == [
        "--- as it is",
        "+++ as edited",
        '-  "eventType": "conversoin",',
        '+  "eventType": "conversion",',
        "-  }",
        "+  },",
        '+  "jane@example.com": 1',
    ]
    assert changed_fields(EVENT, after) == ["eventType", "(a name)"]
    assert changed_fields("text", EVENT) == ["(all of it)"]
    assert changed_fields(EVENT, {**EVENT, "none": None}) == ["none"]
