"""What was claimed before something was learned goes back unsent."""

from __future__ import annotations

import time

import pytest

from tests.unit.samples import ACCOUNT, batch
from worker.second_thoughts import SecondThoughts
from worker.settings import DeliverySettings


@pytest.fixture
def thoughts() -> SecondThoughts:
    return SecondThoughts(DeliverySettings())


def test_what_was_just_claimed_goes_out(thoughts: SecondThoughts) -> None:
    assert not thoughts.on(batch(1), time.monotonic())


def test_after_a_refusal_only_earlier_claims_of_that_account_go_back(thoughts: SecondThoughts) -> None:
    before = time.monotonic()
    thoughts.about(ACCOUNT)
    assert thoughts.on(batch(1), before)
    assert not thoughts.on(batch(1, account="another"), before)
    assert not thoughts.on(batch(1), time.monotonic())


def test_after_the_circuit_opened_every_earlier_claim_goes_back(thoughts: SecondThoughts) -> None:
    before = time.monotonic()
    thoughts.about_all()
    assert thoughts.on(batch(1), before)
    assert thoughts.on(batch(1, account="another"), before)
    assert not thoughts.on(batch(1), time.monotonic())


@pytest.mark.parametrize(("waited_s", "back"), [(49, False), (51, True)])
def test_no_request_starts_with_less_of_its_lease_left_than_it_may_take(
    thoughts: SecondThoughts, waited_s: float, back: bool
) -> None:
    """A lease of 60 s, a time-out of 10 s."""
    assert thoughts.on(batch(1), time.monotonic() - waited_s) == back


@pytest.mark.parametrize(("waited_s", "back"), [(0.02, False), (0.5, True)])
def test_where_the_rate_is_limited_a_request_that_missed_its_place_goes_back(waited_s: float, back: bool) -> None:
    thoughts = SecondThoughts(DeliverySettings(requests_a_second=4))
    assert thoughts.on(batch(1), time.monotonic() - waited_s) == back
