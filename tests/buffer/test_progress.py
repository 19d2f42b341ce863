"""A destination with a rate sends on, however many large batches are claimed and read at once."""

from __future__ import annotations

import asyncio

import pytest
from msgspec.structs import replace
from redis.asyncio import Redis

from producers.append import Entry
from producers.destinations import DESTINATIONS
from producers.destinations.answers import Answer, Request
from producers.keys import Slot
from producers.stored_event import StoredEvent
from tests.buffer.support import World
from tests.unit.fakes import NoTokens
from worker.access.credentials import SandboxCredentials
from worker.buffer.buffer import Buffer
from worker.delivery.delivery import Delivery
from worker.delivery.sending import Target
from worker.settings import load_settings

ADDRESS = StoredEvent(1, 1, b'"%s"' % (b"a" * 64), id="x" * 36).encode()


class SlowApi:
    """Takes every list after a moment."""

    def __init__(self) -> None:
        self.requests = 0

    async def post(self, request: Request, timeout_s: float) -> Answer:
        assert request.body
        assert timeout_s
        await asyncio.sleep(0.05)
        self.requests += 1
        return Answer(201, b"")

    async def close(self) -> None:
        pass


@pytest.mark.parametrize(("accounts", "addresses"), [(32, 200), (12, 20_000)])
async def test_many_accounts_with_lists_make_progress(redis: Redis, slot: Slot, accounts: int, addresses: int) -> None:
    """Reading for all of them takes longer than the gap that a claim keeps free for each."""
    slot = slot._replace(destination="audience")
    world = World(redis, slot, checked=False, cap_events=100_000, cap_bytes=8_000_000, linger_ms=0)
    for number in range(accounts):
        for start in range(0, addresses, 4_000):
            some = min(4_000, addresses - start)
            await world.append(*[Entry(f"a{number}", "list", "include hashed", 1, 67, ADDRESS)] * some)
    settings = replace(load_settings({}).delivery["audience"], task_slice_s=6)
    target = Target(DESTINATIONS["audience"], "http://127.0.0.1:1", SandboxCredentials(), NoTokens())
    api = SlowApi()
    summary = await Delivery(Buffer(redis, slot, settings.bounds), target, api, settings).run()
    assert api.requests >= accounts
    assert summary.delivered == accounts * addresses
