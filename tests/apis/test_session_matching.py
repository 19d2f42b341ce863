"""Which events a 207 names: no refused event is ever delivered. Source: server-events-api.txt, "Partial Success"."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from producers.destinations.outcomes import Delivered, Reason
from producers.destinations.session_matching import Echo, matched
from tests.unit.samples import json_values

LATER = frozenset({"InternalServerError"})
BAD, BUSY = (Reason("InvalidEventType", "Event type is invalid"),), (Reason("InternalServerError", ""),)
BLANKS: dict[str, list[Any]] = {
    "eventType": ["Unknown", "", None],
    "sessionId": ["", None],
    "parentGuid": ["", None],
    "clientUniqueId": ["", None],
    "eventTime": ["0001-01-01T00:00:00+00:00", "0001-01-01T00:00:00Z", "", None],
    "metadata": [[], None],
}

pairs = st.lists(st.fixed_dictionaries({"name": st.sampled_from("ab"), "value": st.sampled_from("xy")}), max_size=2)
events = st.fixed_dictionaries(
    {
        "eventType": st.sampled_from(["SignalImpression", "SignalViewed"]),
        "eventTime": st.sampled_from(["2026-11-22T09:59:00Z", "2026-11-22T09:59:00.0004Z", "2026-11-22T09:59:01.5Z"]),
        "sessionId": st.just("s"),
        "parentGuid": st.sampled_from(["p", "q", "Unknown"]),
        "clientUniqueId": st.sampled_from(["1", "2"]),
    },
    optional={"metadata": pairs},
)


def sent(*fields: dict[str, Any]) -> list[bytes]:
    """Events as they lie in a request, each a little other than the last."""
    whole = {"eventType": "SignalViewed", "eventTime": "2026-11-22T09:59:00Z", "sessionId": "s", "parentGuid": "p"}
    return [msgspec.json.encode({**whole, "clientUniqueId": str(n), **each}) for n, each in enumerate(fields)]


def named(payloads: Sequence[bytes], *echoes: Any, adds_up: bool = True, reasons: Any = BAD) -> Delivered:
    return matched([Echo(echo, reasons) for echo in echoes], payloads, adds_up=adds_up, retried=LATER)


@st.composite
def echo_of(draw: st.DrawFn, event: dict[str, Any]) -> Any:
    """As Rokt gives an event back: unchanged, with entries of its own, another spelling, or with emptied fields."""
    echo = dict(event)
    for name in draw(st.sets(st.sampled_from(sorted(BLANKS)))):
        echo[name] = draw(st.sampled_from(BLANKS[name]))
    if echo.get("metadata") and draw(st.booleans()):
        echo["metadata"] = [*echo["metadata"], {"name": "added", "value": "by Rokt"}]
    if echo.get("metadata") and draw(st.booleans()):
        echo["metadata"] = [{"Name": each["name"], "Value": each["value"]} for each in echo["metadata"]]
    if str(echo.get("eventTime", "")).startswith("2026") and draw(st.booleans()):
        echo["eventTime"] = echo["eventTime"].replace("Z", "+00:00")
    return echo


@given(st.data())
def test_whatever_subset_is_refused_none_of_it_is_delivered(data: st.DataObject) -> None:
    """Also among equal and nearly equal events, with echoes exact or emptied, in any order."""
    whole = data.draw(st.lists(events, min_size=1, max_size=7))
    refused = data.draw(st.sets(st.integers(0, len(whole) - 1), min_size=1))
    echoes = [Echo(data.draw(echo_of(whole[place])), BAD) for place in sorted(refused)]
    payloads = [msgspec.json.encode(event) for event in whole]
    result = matched(data.draw(st.permutations(echoes)), payloads, adds_up=True, retried=LATER)
    kept = result.refused.keys() | result.later | result.unclear
    taken = Counter(payloads[place] for place in range(len(whole)) if place not in kept)
    good = Counter(payloads[place] for place in range(len(whole)) if place not in refused)
    assert taken <= good
    dead = Counter(payloads[place] for place in result.refused)
    assert dead <= Counter(payloads[place] for place in refused)


@given(
    st.lists(json_values | events.flatmap(echo_of), max_size=6),
    st.lists(events, min_size=1, max_size=6),
    st.booleans(),
    st.sampled_from([BAD, BUSY, BAD + BUSY, ()]),
)
def test_any_echo_gives_places_of_the_request_each_of_one_kind(
    echoes: list[Any], whole: list[Any], adds_up: bool, reasons: Any
) -> None:
    """And where the counts do not add up, nothing at all is delivered."""
    result = named([msgspec.json.encode(event) for event in whole], *echoes, adds_up=adds_up, reasons=reasons)
    kinds = [set(result.refused), set(result.later), set(result.unclear)]
    places = set().union(*kinds)
    assert sum(map(len, kinds)) == len(places)
    assert places <= set(range(len(whole)))
    assert adds_up or places == set(range(len(whole)))
    assert not echoes or places


def test_an_exact_echo_is_beyond_doubt() -> None:
    payloads = sent({}, {}, {})
    assert named(payloads, msgspec.json.decode(payloads[1])) == Delivered({1: BAD})


def test_the_documents_echo_is_found_by_what_it_kept() -> None:
    """Everything is emptied but `clientUniqueId`."""
    echo = {name: blanks[0] for name, blanks in BLANKS.items()} | {"clientUniqueId": "2"}
    assert named(sent({}, {}, {}), echo) == Delivered({2: BAD})


def test_an_exact_echo_goes_before_an_emptied_one_that_might_take_its_event() -> None:
    payloads = sent({"clientUniqueId": "1"}, {"clientUniqueId": "1", "parentGuid": "q"})
    emptied = msgspec.json.decode(payloads[0]) | {"parentGuid": ""}
    assert named(payloads, emptied, msgspec.json.decode(payloads[1])) == Delivered({0: BAD, 1: BAD})


def test_an_echo_of_several_meanings_makes_just_those_unclear() -> None:
    payloads = sent({"clientUniqueId": "1"}, {"clientUniqueId": "1", "parentGuid": "q"}, {})
    emptied = msgspec.json.decode(payloads[0]) | {"parentGuid": ""}
    assert named(payloads, emptied) == Delivered(unclear=frozenset({0, 1}))


def test_equal_events_are_refused_as_often_as_they_were_named() -> None:
    payloads = sent({"clientUniqueId": "1"}, {"clientUniqueId": "1"}, {"clientUniqueId": "1"})
    echo = msgspec.json.decode(payloads[0])
    assert named(payloads, echo, echo) == Delivered({0: BAD, 1: BAD})


def test_an_echo_of_no_event_of_ours_makes_all_unclear_but_the_named() -> None:
    payloads = sent({}, {}, {})
    foreign = msgspec.json.decode(payloads[0]) | {"clientUniqueId": "99"}
    exact = msgspec.json.decode(payloads[1])
    assert named(payloads, foreign, exact) == Delivered({1: BAD}, unclear=frozenset({0, 2}))


def test_codes_on_rokts_side_alone_are_tried_again() -> None:
    """One code about the content among them, and the event is dead with all of them."""
    payloads = sent({}, {})
    echo = msgspec.json.decode(payloads[0])
    assert named(payloads, echo, reasons=BUSY) == Delivered(later=frozenset({0}))
    assert named(payloads, echo, reasons=BUSY + BAD) == Delivered({0: BUSY + BAD})
