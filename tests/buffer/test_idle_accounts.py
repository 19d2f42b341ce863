"""Accounts that are held or idle cost a claim nothing, however many there are."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from tests.buffer.crowd import add_held, add_idle, commands
from tests.buffer.support import World, events

MANY = 20_000


async def cost_of_a_claim(world: World) -> Counter[str]:
    """The commands that the server runs for a claim of two batches of an account out of many."""
    world.cap_events, world.linger_ms = 1, 0
    await world.append(*events(5, "busy"))
    await world.claim(most=0)  # loads the script
    before = await commands(world.redis)
    claimed = await world.claim(most=2)
    after = await commands(world.redis)
    assert [batch.account for batch in claimed.batches] == ["busy", "busy"]
    await asyncio.gather(*(world.deliver(batch) for batch in (*claimed.batches, *(await world.claim()).batches)))
    return after - before - Counter({"info": 1})


@pytest.mark.parametrize("add", [add_held, add_idle])
async def test_a_claim_runs_the_same_commands_beside_20000_accounts_without_work(world: World, add: object) -> None:
    world.checked = False
    alone = await cost_of_a_claim(world)
    await add(world, MANY)  # type: ignore[operator]
    assert await cost_of_a_claim(world) == alone
    assert sum(alone.values()) < 50
    await remove(world)


async def test_holding_an_account_costs_the_same_however_much_waits_behind_it(world: World) -> None:
    world.checked, world.cap_events = False, 1
    costs = []
    for count in (1, 2_000):
        await world.append(*events(count))
        await world.hold("acme", 0)
        before = await commands(world.redis)
        await world.hold("acme", 60_000)
        costs.append(await commands(world.redis) - before - Counter({"info": 1}))
    assert costs[0] == costs[1]
    await remove(world)


async def remove(world: World) -> None:
    """Other tests look through the keys of this server."""
    keys = await world.redis.keys(world.slot.base + "*")
    for start in range(0, len(keys), 1_000):
        await world.redis.unlink(*keys[start : start + 1_000])
