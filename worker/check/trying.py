"""Asks whether credentials are taken, where an API can be asked without sending data. The part that does I/O."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from producers.destinations.answers import NoAnswer
from worker.access.oauth import TokenFailed, read_token, token_request
from worker.http import HttpTransport, Kind, Transport
from worker.query.client import QueryClient
from worker.query.errors import QueryFailed
from worker.query.surroundings import Surroundings

AT_A_TIME = 8
Pair = tuple[str, str]


class Tried(NamedTuple):
    """What came of asking. `told` never holds a secret."""

    works: bool
    told: str


async def tried(
    pairs: Iterable[Pair], auth_host: str, timeout_s: float, query: Surroundings | None, kind: Kind = "curl"
) -> tuple[Mapping[Pair, Tried], Tried | None]:
    """Each app id and secret at the token endpoint, once however many accounts share it; the person's, for queries."""
    transport = HttpTransport(AT_A_TIME, kind)
    few = asyncio.Semaphore(AT_A_TIME)

    async def one(pair: Pair) -> Tried:
        async with few:
            return await try_app(transport, auth_host, pair, timeout_s)

    wanted = list(dict.fromkeys(pairs))
    try:
        found = await asyncio.gather(*map(one, wanted))
        return dict(zip(wanted, found, strict=True)), await try_query(transport, query) if query else None
    finally:
        await transport.close()


async def try_app(transport: Transport, auth_host: str, pair: Pair, timeout_s: float) -> Tried:
    """Fetches a token, and drops it."""
    answer = await transport.post(token_request(auth_host, *pair), timeout_s)
    if isinstance(answer, NoAnswer):
        return Tried(False, f"the token endpoint gave no answer: {answer.message}")
    try:
        read_token(answer)
    except TokenFailed as error:
        return Tried(False, str(error))
    return Tried(True, "works: the token endpoint gave a token")


async def try_query(transport: Transport, around: Surroundings) -> Tried:
    """Asks for the person's accounts."""
    client = QueryClient(transport, around.host, around.auth_host, around.access, around.timeout_s)
    try:
        accounts = await client.accounts()
    except QueryFailed as error:
        return Tried(False, str(error))
    return Tried(True, f"works: the accounts endpoint gave {len(accounts)} account{'s' * (len(accounts) != 1)}")
