"""Six hours without Rokt, on a clock of the test's: nothing dies, and afterwards everything is delivered."""

from __future__ import annotations

import random

import pytest

from producers.destinations.event_api import EVENT_API
from producers.destinations.outcomes import Delivered, Outcome, Reason, Retry
from tests.buffer.support import World, events
from worker.buffer.batches import Batch
from worker.delivery.attempt import Attempt
from worker.delivery.settling import Next, settle
from worker.settings import DeliverySettings

SIX_HOURS_MS = 6 * 3_600_000
SETTINGS = DeliverySettings()
AWAY = Retry((Reason("ServiceUnavailableError", "HTTP status 503"),))


async def ended(world: World, batch: Batch, outcome: Outcome, chance: random.Random) -> None:
    """An attempt as a delivery with the default settings ends it."""
    stored, policy = await world.read(batch), SETTINGS.retry_policy
    attempt = Attempt(batch, stored, EVENT_API.event_id, world.now, 503, requested=True)
    following = Next(policy.delay_ms(batch.attempts, chance.random()), policy.exhausted(batch))
    await world.settle(batch, settle(attempt, range(batch.events), outcome, (), following))


@pytest.mark.parametrize("others", ["fail too", "are delivered"])
async def test_the_defaults_ride_out_six_hours_of_absence_with_no_dead_letter(world: World, others: str) -> None:
    """Of all, where the circuit spares the attempts; of one account, where the successes of others keep it closed."""
    world.checked, world.bounds, world.most_an_account = False, SETTINGS.bounds, SETTINGS.account_in_flight
    chance, began, requests = random.Random(6), world.now, 0
    await world.append(*events(300, "acme"))
    while world.now < began + SIX_HOURS_MS:
        if others == "are delivered":
            await world.append(*events(100, "another"))
        claimed = await world.claim(8)
        for batch in claimed.batches:
            await ended(world, batch, AWAY if batch.account == "acme" else Delivered(), chance)
            requests += batch.account == "acme"
        world.later(30_000 if others == "are delivered" else 1_000)
        if not claimed.batches:
            world.now = max(world.now, claimed.next_due or 0)
    world.checked = True
    ledger = (await world.picture()).ledger
    assert ledger["dead"] == 0
    assert 60 < requests < 1_000  # it was tried all the time, and never hammered
    delivered = sum(map(len, await world.drain()))
    assert delivered == ledger["accepted"] - ledger["delivered"] >= 300
