"""`event-api` v1: access tokens of a whole fleet. Source: event-api.txt, "Legacy Authentication (v1)"."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from itertools import count
from typing import Any
from uuid import uuid4

import pytest
from redis.asyncio import Redis

from producers.destinations.answers import Answer, Request
from tests.apis.support import SECRET, Fleet, booking
from tests.integration.support import eventually
from worker.access.tokens import FleetTokens

APP, APP_SECRET = "app-7", "a-secret-of-the-app"


def accounts_of_one_app(forwarder: Fleet, many: int = 1) -> tuple[str, list[str]]:
    """An app, and accounts in several shards that use it."""
    app = f"app-{uuid4().hex[:8]}"
    return app, [forwarder.account("app", app_id=app, app_secret=f"{SECRET}-{app}") for _ in range(many)]


def test_a_token_is_fetched_once_by_the_fleet_for_all_accounts_of_an_app(forwarder: Fleet) -> None:
    """Six accounts in three shards, two workers, one token."""
    app, accounts = accounts_of_one_app(forwarder, 6)
    for account in accounts:
        forwarder.enqueue("event-api", account, [booking(n) for n in range(210)])
    forwarder.settled()
    assert forwarder.rokt.given(app) == 1
    for account in accounts:
        assert {each["path"] for each in forwarder.requests(account)} == {"/v1/events"}
        assert forwarder.statuses(account) == [200] * 3


def test_a_token_is_refreshed_before_it_ends(forwarder: Fleet) -> None:
    """Three seconds of life, requests all the time, and none of them meets a token that is over."""
    forwarder.rokt.oauth(expires_in=3)
    app, (account,) = accounts_of_one_app(forwarder)

    def third_token_given() -> bool:
        forwarder.enqueue("event-api", account, [booking(0)])
        return forwarder.rokt.given(app) >= 3

    eventually(third_token_given)
    forwarder.settled()
    assert set(forwarder.statuses(account)) == {200}
    assert forwarder.rokt.given(app) == 3


def test_a_revoked_token_is_renewed_once_and_costs_no_attempt(forwarder: Fleet) -> None:
    app, (account,) = accounts_of_one_app(forwarder)
    forwarder.enqueue("event-api", account, [booking(0)])
    forwarder.settled()
    forwarder.rokt.oauth(revoke=True)
    forwarder.enqueue("event-api", account, [booking(1)])
    forwarder.settled()
    assert forwarder.rokt.given(app) == 2
    assert forwarder.statuses(account) == [200, 401, 200]
    assert not forwarder.letters(account)


def test_a_401_on_a_fresh_token_parks_the_account(forwarder: Fleet) -> None:
    """The token is not at fault, so asking for another would not help; nothing is dead, and few tokens are fetched."""
    app, (account,) = accounts_of_one_app(forwarder)
    forwarder.rokt.faults({"status": 401, "match": {"path": "/v1/events", "account": account}})
    forwarder.enqueue("event-api", account, [booking(n) for n in range(3)])
    (hold,) = forwarder.held("event-api", account)
    assert hold["kind"] == "parked"
    assert forwarder.rokt.given(app) == 1
    forwarder.rokt.faults()
    forwarder.resume_all()
    forwarder.settled()
    assert forwarder.statuses(account)[-1] == 200
    assert not forwarder.letters(account)


def test_a_refused_app_parks_the_account_until_its_secret_is_another(forwarder: Fleet) -> None:
    app, (account,) = accounts_of_one_app(forwarder)
    forwarder.rokt.faults({"status": 401, "match": {"path": "/auth/oauth2/token", "account": app}})
    forwarder.enqueue("event-api", account, [booking(n) for n in range(3)])
    (hold,) = forwarder.held("event-api", account)
    assert hold["reason"].startswith("TokenRefused")
    forwarder.rokt.faults()
    forwarder.account("app", account, app_id=app, app_secret=f"{SECRET}-mended")
    forwarder.settled()
    assert forwarder.statuses(account) == [200]


@pytest.mark.parametrize("fault", [{"status": 503}, {"close": "before"}, {"status": 200, "body": "<html>"}])
def test_events_wait_for_a_token_endpoint_that_fails(forwarder: Fleet, fault: dict[str, Any]) -> None:
    """Delivered once it works again; until then no request is made for them."""
    app, (account,) = accounts_of_one_app(forwarder)
    forwarder.rokt.faults({**fault, "times": 2, "match": {"path": "/auth/oauth2/token", "account": app}})
    forwarder.enqueue("event-api", account, [booking(n) for n in range(3)])
    forwarder.settled()
    assert forwarder.statuses(account) == [200]
    assert forwarder.rokt.given(app) == 1
    assert not forwarder.letters(account)


class TokenEndpoint:
    """Gives the tokens `token-1`, `token-2`, …"""

    def __init__(self) -> None:
        self._numbers = count(1)
        self.given: list[str] = []

    async def post(self, _request: Request, _timeout_s: float) -> Answer:
        self.given.append(f"token-{next(self._numbers)}")
        return Answer(200, b'{"access_token":"%s","expires_in":3600}' % self.given[-1].encode())

    async def close(self) -> None:
        pass


class SlowReader:
    """A connection on which a read takes as long as `meanwhile`."""

    def __init__(self, redis: Redis, meanwhile: Callable[[], Awaitable[object]]) -> None:
        self._redis: Any = redis
        self._meanwhile: Callable[[], Awaitable[object]] | None = meanwhile

    async def mget(self, *keys: str) -> Any:
        found = await self._redis.mget(*keys)
        if self._meanwhile:
            meanwhile, self._meanwhile = self._meanwhile, None
            await meanwhile()
        return found

    def __getattr__(self, name: str) -> Any:
        return getattr(self._redis, name)


def fleet_tokens(redis: Any, prefix: str, endpoint: TokenEndpoint) -> FleetTokens:
    return FleetTokens(redis, prefix, endpoint, "https://auth.test", 5)


async def test_a_token_is_kept_encrypted(redis: Redis, prefix: str) -> None:
    """Neither the token nor the secret lies in any value or name of Redis."""
    endpoint = TokenEndpoint()
    assert await fleet_tokens(redis, prefix, endpoint).token(APP, APP_SECRET) == ("token-1", True)
    keys = [key async for key in redis.scan_iter(f"{prefix}*")]
    values: list[Any] = [await redis.get(key) for key in keys]
    kept = repr((keys, values)).encode()
    assert keys
    assert b"token-1" not in kept
    assert APP_SECRET.encode() not in kept
    assert await fleet_tokens(redis, prefix, endpoint).token(APP, "another-secret") == ("token-2", True)


async def test_many_who_ask_at_once_share_one_token(redis: Redis, prefix: str) -> None:
    endpoint = TokenEndpoint()
    workers = [fleet_tokens(redis, prefix, endpoint) for _ in range(20)]
    tokens = await asyncio.gather(*(each.token(APP, APP_SECRET) for each in workers))
    assert {token for token, _ in tokens} == {"token-1"}
    assert endpoint.given == ["token-1"]


async def test_who_looked_before_a_token_came_does_not_fetch_a_second_one(redis: Redis, prefix: str) -> None:
    """Between its look and its turn at the lock another worker fetched one and left."""
    endpoint = TokenEndpoint()
    other = fleet_tokens(redis, prefix, endpoint)
    late = fleet_tokens(SlowReader(redis, lambda: other.token(APP, APP_SECRET)), prefix, endpoint)
    assert await late.token(APP, APP_SECRET) == ("token-1", False)
    assert endpoint.given == ["token-1"]


async def test_a_newer_token_is_not_forgotten_for_an_older_ones_sake(redis: Redis, prefix: str) -> None:
    endpoint = TokenEndpoint()
    tokens = fleet_tokens(redis, prefix, endpoint)
    await tokens.token(APP, APP_SECRET)
    await tokens.refused(APP, APP_SECRET, "token-1")
    assert await tokens.token(APP, APP_SECRET) == ("token-2", True)
    await tokens.refused(APP, APP_SECRET, "token-1")
    assert await tokens.token(APP, APP_SECRET) == ("token-2", False)
