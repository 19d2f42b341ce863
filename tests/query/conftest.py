"""The stand-in on a real port, and clients that ask it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime

import pytest

from tests.query.samples import APP_ID, APP_SECRET
from tests.query.stand_in import StandIn
from worker.http import HttpTransport
from worker.query.access import Access, AppPair
from worker.query.client import QueryClient
from worker.sandbox.server import running

NOW = datetime(2025, 3, 4, 12, tzinfo=UTC)
MakeClient = Callable[..., QueryClient]


@pytest.fixture
def rokt() -> StandIn:
    return StandIn()


@pytest.fixture
async def url(rokt: StandIn) -> AsyncIterator[str]:
    async with running(rokt.app) as server:
        yield server.url


@pytest.fixture
async def transport() -> AsyncIterator[HttpTransport]:
    made = HttpTransport(most_connections=8)
    yield made
    await made.close()


@pytest.fixture
def client_of(url: str, transport: HttpTransport) -> MakeClient:
    """Makes a client of the stand-in; seconds."""

    def make(access: Access | None = None, host: str = url, timeout_s: float = 20) -> QueryClient:
        credentials = access or AppPair(APP_ID, APP_SECRET)
        return QueryClient(transport, host, url, credentials, timeout_s, lambda: NOW)

    return make


@pytest.fixture
def client(client_of: MakeClient) -> QueryClient:
    return client_of()
