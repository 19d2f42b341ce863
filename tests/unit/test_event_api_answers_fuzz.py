"""Any answer whatever at any status: no exception, and nothing delivered that the answer names."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from producers.destinations.answers import Answer
from producers.destinations.event_api import EVENT_API, outcome
from producers.destinations.outcomes import Delivered, Outcome
from tests.unit.samples import NOW, batch, json_values, payload, stored
from worker.delivery.attempt import Attempt
from worker.delivery.settling import Next, settle

IDS = st.sampled_from(["a", "b", "c", "d", ""])
CODES = st.sampled_from(["ValidationError", "InternalServerError", "", "\0", "é" * 300])
statuses = st.sampled_from([200, 400, 401, 403, 404, 413, 422, 429, 500, 503]) | st.integers(100, 999)
errors = st.fixed_dictionaries({}, optional={"code": CODES, "message": st.text(max_size=9)})
records = st.fixed_dictionaries(
    {"record": st.fixed_dictionaries({"clientEventId": IDS}, optional={"x": json_values})}, optional={"error": errors}
)
nearly = st.fixed_dictionaries(
    {},
    optional={
        "data": json_values
        | errors
        | st.fixed_dictionaries({"unprocessedRecords": st.lists(records | json_values, max_size=4) | json_values})
    },
)
bodies = st.binary(max_size=80) | (json_values | nearly).map(lambda value: json.dumps(value).encode())
batches = st.lists(st.builds(payload, IDS, value=st.integers(0, 1)), min_size=1, max_size=6)


def settled_places(result: Outcome, events: int) -> tuple[set[int], set[int]]:
    """The places that are delivered and those that are not. Fails the test if a place is both or out of range."""
    if not isinstance(result, Delivered):
        return set(), set(range(events))
    kinds = [set(result.refused), set(result.later), set(result.unclear)]
    named = set().union(*kinds)
    assert sum(map(len, kinds)) == len(named)
    assert named <= set(range(events))
    return set(range(events)) - named, named


@given(statuses, bodies, batches)
def test_any_answer_gives_an_outcome_that_can_be_settled(status: int, body: bytes, payloads: list[bytes]) -> None:
    """To the end: its dead letters can be written, whatever Rokt put into code and message."""
    result = outcome(Answer(status, body), payloads)
    delivered, _ = settled_places(result, len(payloads))
    assert not delivered or status == 200
    events = [stored(each) for each in payloads]
    attempt = Attempt(batch(len(events)), events, EVENT_API.event_id, NOW, status)
    settlement = settle(attempt, range(len(events)), result, (), Next(1000))
    assert settlement.delivered == len(delivered)
    assert all("\0" not in death.code and len(death.code) <= 128 for death in settlement.dead)


@given(st.lists(records, min_size=1, max_size=5), batches)
def test_no_event_that_a_record_names_is_delivered(given_: list[Any], payloads: list[bytes]) -> None:
    """An id is delivered only as often as it was sent more often, with equal bytes, than it was named."""
    body = json.dumps({"data": {"unprocessedRecords": given_}}).encode()
    delivered, kept = settled_places(outcome(Answer(200, body), payloads), len(payloads))
    assert kept
    sent = [json.loads(each)["clientEventId"] for each in payloads]
    for named in {each["record"]["clientEventId"] for each in given_}:
        places = {place for place, event_id_ in enumerate(sent) if event_id_ == named}
        times = sum(each["record"]["clientEventId"] == named for each in given_)
        if not places:
            assert not delivered
        elif len({payloads[place] for place in places}) > 1:
            assert not places & delivered
        else:
            assert len(places & delivered) <= max(0, len(places) - times)


@given(batches)
def test_a_success_delivers_every_event(payloads: list[bytes]) -> None:
    assert outcome(Answer(200, b'{"data":{"unprocessedRecords":[]}}'), payloads) == Delivered()
