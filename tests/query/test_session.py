"""A token is fetched once, renewed once where the API refuses it, and never told to anybody."""

from __future__ import annotations

import asyncio
import base64

import pytest

from tests.query.conftest import MakeClient
from tests.query.samples import APP_ID, APP_SECRET
from tests.query.stand_in import ROOT, TOKEN, StandIn
from worker.query import errors
from worker.query.access import BearerToken
from worker.query.client import QueryClient

PAIR = base64.b64encode(f"{APP_ID}:{APP_SECRET}".encode()).decode()


async def test_one_token_serves_every_request_also_at_the_same_time(client: QueryClient, rokt: StandIn) -> None:
    await asyncio.gather(*(client.accounts() for _ in range(5)))
    assert rokt.tokens == 1


async def test_a_token_that_lapsed_is_renewed_once_and_the_request_is_sent_again(
    client: QueryClient, rokt: StandIn
) -> None:
    await client.accounts()
    rokt.refused_tokens.add("token-1")
    assert len(await client.accounts()) == 2
    assert rokt.tokens == 2


async def test_callers_whose_token_lapsed_share_the_new_one(client: QueryClient, rokt: StandIn) -> None:
    await client.accounts()
    rokt.refused_tokens.add("token-1")
    await asyncio.gather(*(client.accounts() for _ in range(5)))
    assert rokt.tokens == 2


async def test_a_second_refusal_is_told(client: QueryClient, rokt: StandIn) -> None:
    rokt.refused_tokens |= {"token-1", "token-2"}
    with pytest.raises(errors.NotAuthenticated, match=r"the access token was refused \(401\): Failed to authenticate"):
        await client.accounts()
    assert rokt.paths() == [f"POST {TOKEN}", f"GET {ROOT}"] * 2


async def test_a_given_token_is_used_as_it_is_and_never_renewed(client_of: MakeClient, rokt: StandIn) -> None:
    client = client_of(BearerToken("given"))
    await client.accounts()
    assert rokt.seen[0].headers["authorization"] == "Bearer given"
    rokt.refused_tokens.add("given")
    with pytest.raises(errors.NotAuthenticated, match="401"):
        await client.accounts()
    assert rokt.tokens == 0


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, errors.NotAuthenticated),
        (401, errors.NotAuthenticated),
        (403, errors.NotAuthenticated),
        (404, errors.NotFound),
        (429, errors.TooManyRequests),
        (500, errors.ServerFailed),
        (200, errors.UnexpectedAnswer),
    ],
)
async def test_no_token_is_one_exception_by_its_cause(
    client: QueryClient, rokt: StandIn, status: int, kind: type[errors.QueryFailed]
) -> None:
    rokt.next(TOKEN, status, {"error": "invalid_client", "message": f"{PAIR} {APP_SECRET}"})
    with pytest.raises(kind, match=str(status)) as caught:
        await client.accounts()
    assert APP_SECRET not in str(caught.value)
    assert PAIR not in str(caught.value)


async def test_after_a_failure_the_next_request_asks_for_a_token_again(client: QueryClient, rokt: StandIn) -> None:
    rokt.next(TOKEN, 500)
    with pytest.raises(errors.ServerFailed, match="the access token: the server failed"):
        await client.accounts()
    assert len(await client.accounts()) == 2


@pytest.mark.parametrize("status", [400, 403, 404, 429, 500, 418])
async def test_a_server_that_echoes_what_was_sent_betrays_nothing(
    client: QueryClient, rokt: StandIn, status: int
) -> None:
    rokt.next(ROOT, status, {"message": f"Bearer token-1 Basic {PAIR} secret {APP_SECRET}"})
    with pytest.raises(errors.QueryFailed) as caught:
        await client.accounts()
    for secret in ("token-1", PAIR, APP_SECRET):
        assert secret not in f"{caught.value} {caught.value!r}"


@pytest.mark.parametrize(("header", "seconds"), [("30", 30), ("Tue, 04 Mar 2025 12:01:00 GMT", 60), ("soon", None)])
async def test_a_429_says_when_to_try_again(
    client: QueryClient, rokt: StandIn, header: str, seconds: float | None
) -> None:
    rokt.next(ROOT, 429, None, Retry_After=header)
    with pytest.raises(errors.TooManyRequests) as caught:
        await client.accounts()
    assert caught.value.retry_after_s == seconds
    assert ("later" if seconds is None else f"in {seconds} s") in str(caught.value)
