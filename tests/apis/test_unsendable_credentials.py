"""Credentials that no header can carry, such as a value with a foreign character: told, and nothing is raised."""

from __future__ import annotations

import pytest
from redis.asyncio import Redis

from producers.destinations.answers import NoAnswer, Request
from tests.apis.support import Fleet, signal
from worker.access.oauth import TokenFailed
from worker.access.tokens import FleetTokens
from worker.http import HttpTransport


@pytest.mark.parametrize("value", ["schlüssel", "key\u200b", "key\n", "\udc00"])
async def test_the_transport_never_raises_for_a_header_that_cannot_be_sent(value: str) -> None:
    """Its promise is `Answer` or `NoAnswer`, and the value is not told."""
    transport = HttpTransport(1)
    answer = await transport.post(Request("http://127.0.0.1:1/", {"rokt-secret": value}, b"{}"), 2)
    await transport.close()
    assert isinstance(answer, NoAnswer)
    assert value.strip() not in answer.message


def test_an_account_with_such_a_secret_is_parked_and_waits_for_a_better_one(forwarder: Fleet) -> None:
    """A surprise would keep its events until their lease is over."""
    account = forwarder.account("tag", client_secret="schlüssel")
    forwarder.enqueue("server-events", account, [signal("s", 0)])
    other = forwarder.account("tag")
    forwarder.enqueue("server-events", other, [signal("s", 0)])
    forwarder.rokt.wait(events=1, account=other)
    forwarder.account("tag", account)
    forwarder.settled(within_s=15)
    assert forwarder.statuses(account) == [200]
    assert "attempt_broke" not in forwarder.logs()


async def test_an_app_id_with_a_colon_is_a_token_that_cannot_be_fetched(redis: Redis, prefix: str) -> None:
    """Basic authentication cannot carry it. It fails as any refused token does, and keeps nobody waiting at a lock."""
    transport = HttpTransport(1)
    tokens = FleetTokens(redis, prefix, transport, "http://127.0.0.1:1", 2)
    with pytest.raises(TokenFailed):
        await tokens.token("a:b", "secret")
    assert not [key async for key in redis.scan_iter(f"{prefix}*:lock")]
    await transport.close()
