"""`event-api` with `Idempotency-Key`, of older editions of its document; off unless it is set."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import pytest

from producers import Producer
from tests.apis.support import Fleet, booking

VERSIONS = ("pair", "app")


@pytest.mark.parametrize("kind", VERSIONS)
def test_an_answer_that_was_lost_after_intake_makes_no_duplicate(forwarder: Fleet, kind: str) -> None:
    """The second attempt has the same key and bytes; its 409 means that they were taken in."""
    account = forwarder.account(kind)
    events: list[Any] = [booking(n) for n in range(3)]
    forwarder.rokt.faults({"close": "after", "times": 1, "match": {"account": account, "path": _path(kind)}})
    before = forwarder.settled()["event-api"]["delivered"]
    ids = forwarder.enqueue("event-api", account, events)
    assert forwarder.settled()["event-api"]["delivered"] == before + 3
    assert forwarder.statuses(account) == [None, 409]
    assert forwarder.rokt.ids(account) == {account: dict.fromkeys(ids, 1)}
    assert not forwarder.letters(account)


@pytest.mark.parametrize("kind", VERSIONS)
def test_a_409_on_a_first_attempt_is_sent_again_under_a_new_key(forwarder: Fleet, kind: str) -> None:
    """Nobody of ours sent these bytes before, so nothing is counted as delivered."""
    account = forwarder.account(kind)
    forwarder.rokt.faults({"status": 409, "times": 1, "match": {"account": account, "path": _path(kind)}})
    ids = forwarder.enqueue("event-api", account, [booking(n) for n in range(3)])
    forwarder.settled()
    assert forwarder.statuses(account) == [409, 200]
    assert forwarder.rokt.ids(account) == {account: dict.fromkeys(ids, 1)}


def test_equal_events_in_two_batches_are_both_delivered(forwarder: Fleet) -> None:
    """A key belongs to a batch and not to its content. (Where an id is accepted as often as it comes.)"""
    account = forwarder.account("pair")
    event = booking(0)
    with closing(Producer.from_env({**forwarder.env, "FORWARDER_DUPLICATES_WINDOW_S": "0"})) as shop:
        for times in (1, 2):
            shop.enqueue("event-api", account=account, event=event)
            forwarder.settled()
            assert forwarder.rokt.ids(account)[account] == {event["clientEventId"]: times}
    assert forwarder.statuses(account) == [200, 200]


def _path(kind: str) -> str:
    return {"pair": "/v2/events", "app": "/v1/events"}[kind]
