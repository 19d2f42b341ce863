"""Where a process is killed: a buffer of the test's own, the sandbox, and what can be said of both afterwards."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Iterable, Mapping
from functools import partial
from typing import Any, TypeVar

from redis.asyncio import Redis

from producers import Producer
from producers.clock import now_ms
from producers.destinations import DESTINATIONS
from producers.keys import Slot
from producers.settings import buffer_settings
from tests.apis.support import Fleet
from tests.buffer.invariants import check
from tests.buffer.picture import Picture, take_picture
from tests.chaos.kills import acts
from worker.buffer.holds import EVERYTHING, Holds
from worker.connection.client import sync_redis, with_redis
from worker.dead_letters import DeadLetters, Filter
from worker.dead_letters.letter import Letter
from worker.operating.status import left
from worker.replay import Progress
from worker.settings import caps_of

Answer = TypeVar("Answer")
BATCH = 5  # events of a full one
QUICK = {
    "FORWARDER_SHARDS": "1",
    "FORWARDER_LINGER_MS": "0",
    "FORWARDER_IN_FLIGHT": "1",
    "FORWARDER_EVENT_API_MAX_EVENTS": str(BATCH),
    "FORWARDER_SERVER_EVENTS_MAX_EVENTS": str(BATCH),
    "FORWARDER_EVENT_API_IDEMPOTENCY_KEYS": "0",  # with them the sandbox would not take anything twice
    "FORWARDER_RETRY_FIRST_S": "0.05",
    "FORWARDER_RETRY_LONGEST_S": "0.1",
    "FORWARDER_RETRY_AFTER_LONGEST_S": "0.2",
}


class Ground:
    """`env` is what the processes on it are given. Nothing here is watched or killed."""

    def __init__(self, fleet: Fleet, prefix: str) -> None:
        self.env = {**fleet.env, "FORWARDER_KEY_PREFIX": prefix}
        self.prefix = prefix
        self.rokt = fleet.rokt
        self.account = fleet.account
        self.redis = sync_redis(self.env["FORWARDER_REDIS_URL"])
        self.producer = Producer.from_env(self.env)
        self._buffer = buffer_settings(self.env)

    def close(self) -> None:
        self.rokt.faults()
        self.redis.close()
        self.producer.close()

    def slot(self, destination: str) -> Slot:
        return Slot(self.prefix, destination, 0)

    def enqueue(self, destination: str, account: str, events: Iterable[Mapping[str, Any]]) -> list[str]:
        results = self.producer.enqueue_many(
            {"destination": destination, "account": account, "event": event} for event in events
        )
        assert not any(result.error for result in results)
        return [result.id for result in results]

    def picture(self, destination: str) -> Picture:
        return self._with_redis(lambda redis: take_picture(redis, self.slot(destination)))

    def balances(self) -> None:
        """Every slot is as it must be after any single change: the ledger, the lists, the lines, the letters."""
        for destination in (*DESTINATIONS, "intake"):
            check(self.picture(destination), now_ms())

    def ledger(self, destination: str) -> Counter[str]:
        return self.picture(destination).ledger

    def lapse(self) -> None:
        """As if the time of all leases and notes had passed."""
        for destination in DESTINATIONS:
            slot = self.slot(destination)
            for account, leases in self.picture(destination).leases.items():
                self.redis.zadd(slot.key("leases", account), dict.fromkeys(leases, 1), xx=True)
                self.redis.zadd(slot.key("accounts"), {account: 1}, xx=True)
            self.redis.delete(slot.key("dispatched"))

    def go_on(self, within_s: float = 20) -> None:
        """Another worker delivers, and an operator lets go on what is held, until nothing is left."""
        ends = time.monotonic() + within_s
        while busy := [name for name in DESTINATIONS if left({**_NONE, **self.ledger(name)})]:
            assert time.monotonic() < ends, f"not delivered within {within_s} s: {busy}"
            for name in busy:
                self._with_redis(partial(_resume, slot=self.slot(name)))
                acts.deliver(self.env, name)

    def letters(self, destination: str | None = None) -> list[Letter]:
        """Oldest first."""

        async def all_of(redis: Any) -> list[Letter]:
            found = DeadLetters(redis, self._buffer, caps_of(self.env)).find(Filter(destination), oldest_first=True)
            return [letter async for letter in found]

        return self._with_redis(all_of)

    def replays(self) -> list[Progress]:
        return list(asyncio.run(acts.with_replays(self.env, lambda replays: replays.all())))

    def codes(self) -> dict[str, str]:
        """Id -> code of each dead letter, of which there must be one each."""
        letters = self.letters()
        codes = {letter.id: letter.code for letter in letters}
        assert len(codes) == len(letters), "a letter is there twice"
        return codes

    def accepted(self, account: str) -> Counter[str]:
        """How often each event came."""
        return Counter(map(name_of, self.rokt.accepted(account)))

    def held(self, account: str) -> set[str]:
        """Which holds of the account last: parked, paused."""
        fields = self.picture("event-api").hashes.get(account, {})
        return {"parked", "paused"} & set(fields)

    def shorten(self, key: str, most_s: float) -> bool:
        """Whether a lock is there: it must end by itself within this time, and now it ends at once."""
        left_ms = int(str(self.redis.pttl(key)))
        assert left_ms == -2 or 0 <= left_ms <= most_s * 1000, f"{key} ends in {left_ms} ms"
        return bool(self.redis.pexpire(key, 300))

    def _with_redis(self, work: Callable[[Any], Coroutine[Any, Any, Answer]]) -> Answer:
        return asyncio.run(with_redis(self._buffer.redis_url, work))


def name_of(row: Mapping[str, Any]) -> str:
    """By which a test knows an accepted event."""
    return str(row["event"].get("clientUniqueId") or row["id"])


_NONE = dict.fromkeys(("open", "ready", "waiting", "in_flight"), 0)


async def _resume(redis: Redis, slot: Slot) -> None:
    holds = Holds(redis, slot)
    await holds.resume([EVERYTHING, *[held.account async for held in holds.lasting()]])
