"""Every test runs over each transport that is offered: none of them may do as it likes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest

from worker.http import KINDS, HttpTransport, Kind

Make = Callable[..., HttpTransport]


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> Kind:
    offered: Kind = request.param
    return offered


@pytest.fixture
async def make(kind: Kind) -> AsyncIterator[Make]:
    """Makes transports of the kind, which are closed in the end."""
    made: list[HttpTransport] = []

    def one(most_connections: int = 2) -> HttpTransport:
        made.append(HttpTransport(most_connections, kind))
        return made[-1]

    yield one
    for each in made:
        await each.close()


@pytest.fixture
def http(make: Make) -> HttpTransport:
    return make()
