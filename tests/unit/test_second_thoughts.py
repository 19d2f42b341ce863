"""What was claimed before something was learned goes back unsent."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.unit.samples import ACCOUNT, batch
from worker.delivery.exchange import Taken
from worker.delivery.second_thoughts import SecondThoughts
from worker.settings import DeliverySettings


def taken(claimed_at: float, read: int = 1_000, **fields: Any) -> Taken:
    return Taken(batch(1, **fields), [], claimed_at, read)


@pytest.fixture
def thoughts() -> SecondThoughts:
    return SecondThoughts(DeliverySettings())


def test_what_was_just_claimed_goes_out(thoughts: SecondThoughts) -> None:
    assert not thoughts.on(taken(time.monotonic()))


def test_after_a_refusal_only_earlier_claims_of_that_account_go_back(thoughts: SecondThoughts) -> None:
    before = time.monotonic()
    thoughts.about(ACCOUNT)
    assert thoughts.on(taken(before))
    assert not thoughts.on(taken(before, account="another"))
    assert not thoughts.on(taken(time.monotonic()))


def test_after_the_circuit_opened_every_earlier_claim_goes_back(thoughts: SecondThoughts) -> None:
    before = time.monotonic()
    thoughts.about_all()
    assert thoughts.on(taken(before))
    assert thoughts.on(taken(before, account="another"))
    assert not thoughts.on(taken(time.monotonic()))


@pytest.mark.parametrize(("waited_s", "back"), [(49, False), (51, True)])
def test_no_request_starts_with_less_of_its_lease_left_than_it_may_take(
    thoughts: SecondThoughts, waited_s: float, back: bool
) -> None:
    """A lease of 60 s, a time-out of 10 s."""
    assert thoughts.on(taken(time.monotonic() - waited_s)) == back


@pytest.mark.parametrize(("waited_s", "back"), [(0.02, False), (0.5, True)])
def test_where_the_rate_is_limited_a_request_that_missed_its_place_goes_back(waited_s: float, back: bool) -> None:
    thoughts = SecondThoughts(DeliverySettings(requests_a_second=4))
    assert thoughts.on(taken(time.monotonic() - waited_s)) == back


def test_a_batch_that_missed_its_place_once_goes_out_late() -> None:
    """Else a slow machine would claim and give back for ever, and send nothing."""
    thoughts = SecondThoughts(DeliverySettings(requests_a_second=4))
    late = taken(time.monotonic() - 0.5)
    assert [thoughts.on(late), thoughts.on(late)] == [True, False]
    assert thoughts.on(taken(time.monotonic() - 0.5, id="8-abcdef"))


def test_reading_many_batches_in_one_turn_is_no_lateness() -> None:
    thoughts = SecondThoughts(DeliverySettings(requests_a_second=4))
    assert not thoughts.on(taken(time.monotonic() - 0.5, read=20_000_000))
