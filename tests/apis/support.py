"""A whole forwarder with all its destinations on one sandbox, and what the tests of the APIs ask it."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any
from uuid import uuid4

from redis.asyncio import Redis

from producers import Producer
from producers.clock import now_ms, rfc3339
from producers.destinations import DESTINATIONS
from producers.keys import Slot
from producers.settings import buffer_settings
from tests.integration.support import Cli, environment
from tests.support.sandbox import Sandbox
from worker.buffer.holds import EVERYTHING, Holds
from worker.connection.client import sync_redis, with_redis
from worker.operating.status import left, status
from worker.stack import parts
from worker.stack.child import Child

SECRET = "s3cret-of-nobody-else"  # in every secret of every account, and nowhere else
KINDS = {
    "pair": {"public_key": "rpub-{0}", "secret_key": f"rsec-{SECRET}-{{0}}"},
    "tag": {"tag_id": "{0}", "client_id": "client-{0}", "client_secret": f"{SECRET}-{{0}}"},
    "legacy": {"audience_api_key": f"{SECRET}-{{0}}"},
    "app": {"app_id": "{0}", "app_secret": f"{SECRET}-{{0}}"},
}
Row = dict[str, Any]


class Rokt(Sandbox):
    """The sandbox with the questions that the other APIs need."""

    def accepted(self, account: str, group: str | None = None) -> list[Row]:
        """What was accepted, in this order, an event as often as it was."""
        asked = {"account": account} | ({"group": group} if group else {})
        rows: list[Row] = self._get("accepted", **asked)["accepted"]
        return rows

    def members(self, account: str) -> dict[str, list[str]]:
        """list -> its addresses, sorted."""
        lists = self._get("audience", account=account, members="true")["lists"].get(account, {})
        return {name: of["addresses"] for name, of in lists.items()}

    def limits(self, **limits: Mapping[str, int]) -> None:
        self._client.put("/_sandbox/limits", json=limits).raise_for_status()

    def forget(self) -> None:
        """All requests and events; the rules stay."""
        self._client.post("/_sandbox/reset").raise_for_status()

    def oauth(self, **change: Any) -> Row:
        """Changes the tokens to come; tells how many were given."""
        answer: Row = self._client.put("/_sandbox/oauth", json=change).raise_for_status().json()
        return answer

    def given(self, app: str) -> int:
        """How many tokens an app was given."""
        return int(self.oauth()["by_app"].get(app, 0))


class Fleet:
    """Sandbox, producer, command line, and the credentials file that the workers read."""

    def __init__(self, env: dict[str, str], folder: Path, rokt: Rokt) -> None:
        self.env, self.folder, self.rokt = env, folder, rokt
        self.cli = Cli(env, folder)
        self.producer = Producer.from_env(env)
        self.worker_pids: list[int] = []
        self._buffer = buffer_settings(env)
        self._tables: dict[str, dict[str, str]] = {}
        self._numbers = count(1)

    def account(self, kind: str, name: str | None = None, **fields: str) -> str:
        """A new account with this kind of credentials; `name` gives an old one more of them."""
        account = name or f"{kind}-{next(self._numbers)}"
        fresh = {key: text.format(account) for key, text in KINDS[kind].items()}
        self._tables[account] = self._tables.get(account, {}) | fresh | fields
        tables = (
            "\n".join([f'[accounts."{of}"]', *(f'{key} = "{text}"' for key, text in table.items())])
            for of, table in self._tables.items()
        )
        file = Path(self.env["FORWARDER_CREDENTIALS_FILE"])
        file.with_suffix(".new").write_text("\n".join(tables))
        os.replace(file.with_suffix(".new"), file)
        return account

    def enqueue(self, destination: str, account: str, events: Iterable[Mapping[str, Any]]) -> list[str]:
        """Every event must be accepted; gives their ids."""
        results = self.producer.enqueue_many(
            {"destination": destination, "account": account, "event": event} for event in events
        )
        assert [each.error for each in results] == [None] * len(results)
        return [each.id for each in results]

    def status(self) -> dict[str, Row]:
        return asyncio.run(with_redis(self._buffer.redis_url, lambda redis: status(redis, self._buffer)))

    def settled(self, within_s: float = 60) -> dict[str, Row]:
        """The ledgers once nothing is left of any destination."""
        ends = time.monotonic() + within_s
        while True:
            ledgers = self.status()
            if not any(map(left, ledgers.values())):
                return ledgers
            assert time.monotonic() < ends, f"not settled within {within_s} s: {ledgers}"
            time.sleep(0.03)

    def letters(self, account: str) -> list[Row]:
        return self.cli.letters("--account", account)

    def requests(self, account: str) -> list[Row]:
        """Those with events of an account, in the order they came."""
        return [request for request in self.rokt.requests(account) if request["api"] != "oauth"]

    def statuses(self, account: str) -> list[int | None]:
        return [request["status"] for request in self.requests(account)]

    def sizes(self, account: str) -> list[int]:
        return [request["events"] for request in self.requests(account)]

    def held(self, destination: str, account: str, within_s: float = 30) -> list[Row]:
        """The holds of an account, once it has any."""
        ends = time.monotonic() + within_s
        while not (found := [h for h in self.status()[destination]["holds"] if h["account"] == account]):
            assert time.monotonic() < ends, f"{account} is not held within {within_s} s"
            time.sleep(0.03)
        return found

    def resume_all(self) -> None:
        """Nothing is parked or paused any more."""
        asyncio.run(with_redis(self._buffer.redis_url, self._resume_all))

    async def _resume_all(self, redis: Redis) -> None:
        for name in DESTINATIONS:
            for shard in range(self._buffer.shards):
                holds = Holds(redis, Slot(self._buffer.key_prefix, name, shard))
                await holds.resume([EVERYTHING, *[held.account async for held in holds.lasting()]])

    def attempts_of(self, accounts: Iterable[str]) -> list[int]:
        """Which attempt each request of these accounts was, by the logs."""
        lines = (json.loads(line) for line in self.logs().splitlines() if '"event": "attempt"' in line)
        return [line["attempt"] for line in lines if line["account"] in set(accounts)]

    def logs(self) -> str:
        return "".join(file.read_text() for file in self.folder.glob("worker*.log"))


@contextmanager
def fleet(redis_url: str, folder: Path, workers: int = 2, **variables: str) -> Iterator[Fleet]:
    """A running forwarder with small audience batches, three shards and this many worker processes."""
    file = folder / "credentials.toml"
    file.write_text("")
    settings = {
        "FORWARDER_CREDENTIALS_FILE": str(file),
        "FORWARDER_AUDIENCE_MAX_EVENTS": "50",
        "FORWARDER_EVENT_API_IDEMPOTENCY_KEYS": "1",
        "FORWARDER_SHARDS": "3",
        **variables,
    }
    env = environment(redis_url, **settings)
    children: list[Child] = [parts.sandbox(env, folder).start()]
    try:
        env["FORWARDER_SANDBOX_URL"] = parts.sandbox_url(children[0])
        names = [f"worker{number}" for number in range(workers)]
        children += [parts.worker(env, folder, ("-c", "2"), name=name).start() for name in names]
        with sync_redis(redis_url) as redis:
            for child in children[1:]:
                parts.wait_for_worker(redis, env["FORWARDER_KEY_PREFIX"], child)
        with Rokt(env["FORWARDER_SANDBOX_URL"]) as rokt:
            running = Fleet(env, folder, rokt)
            running.worker_pids = [child.pid for child in children[1:]]
            yield running
    finally:
        for child in children:
            child.kill()


def booking(number: int, **more: Any) -> Row:
    """An event of `event-api`."""
    data = [{"name": "email", "value": f"jane.{number}@example.com"}]
    event_id = f"{number:04}-{uuid4().hex[:20]}"
    return {"clientEventId": event_id, "eventType": "booking", "eventTime": at(), "objectData": data, **more}


def signal(session: str, number: int, **more: Any) -> Row:
    """An event of `server-events`: its number is its `clientUniqueId`."""
    event = {
        "eventType": "SignalImpression",
        "eventTime": at(),
        "sessionId": session,
        "parentGuid": f"guid-{number}",
        "clientUniqueId": str(number),
    }
    return event | more


def at(ago_ms: int = 0) -> str:
    """The time now, or so long ago."""
    return rfc3339(now_ms() - ago_ms)


def busiest_second(arrivals: Iterable[float]) -> int:
    """The most arrivals in any window of one second (its end does not belong to it)."""
    times = sorted(arrivals)
    return max((sum(start <= each < start + 1 for each in times[i:]) for i, start in enumerate(times)), default=0)


def most_at_a_time(requests: Iterable[Row]) -> int:
    """The most requests that were under way at one moment."""
    changes = sorted(
        change for each in requests for change in ((each["arrived"], 1), (each["ended"] or each["arrived"], -1))
    )
    most = under_way = 0
    for _, step in changes:
        under_way += step
        most = max(most, under_way)
    return most
