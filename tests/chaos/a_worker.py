"""Delivers one slot of `event-api` until it is killed: `python -m tests.chaos.a_worker REDIS_URL PREFIX HOST`."""

from __future__ import annotations

import asyncio
import sys

from producers.destinations import DESTINATIONS
from producers.destinations.accounts import AccountCredentials
from producers.keys import Slot
from tests.unit.fakes import Keys, NoTokens
from worker.buffer.buffer import Buffer
from worker.connection.client import async_redis
from worker.delivery.delivery import Delivery
from worker.delivery.sending import Target
from worker.http import HttpTransport
from worker.settings import DeliverySettings

KEYS = Keys({"12345": AccountCredentials(public_key="rpub", secret_key="rsec")})
SETTINGS = DeliverySettings(lease_s=1, http_timeout_s=0.5, circuit_failures=0)


async def main(redis_url: str, prefix: str, host: str) -> None:
    redis, http = async_redis(redis_url), HttpTransport(8)
    buffer = Buffer(redis, Slot(prefix, "event-api", 0), SETTINGS.bounds)
    while True:
        await Delivery(buffer, Target(DESTINATIONS["event-api"], host, KEYS, NoTokens()), http, SETTINGS).run()
        await asyncio.sleep(0.05)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
