"""FastAPI: `FastAPI(lifespan=rokt_lifespan())`, then `async def view(rokt: Rokt): await rokt.enqueue(…)`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from typing import Annotated, Any

from fastapi import Depends, FastAPI
from starlette.requests import HTTPConnection

from producers.asynchronous import AsyncProducer
from producers.errors import ConfigurationError

NAME = "rokt_producer"
Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[Any]]


def rokt_lifespan(
    own: Lifespan | None = None, *, make: Callable[[], AsyncProducer] = AsyncProducer.from_env
) -> Lifespan:
    """A lifespan that opens the producer when the app starts, and closes it when the app ends.

    `own`: the app's own lifespan, which runs inside: it may enqueue as long as it runs. `make`: another producer than
    that of the environment. Mounted apps share the producer.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[Mapping[str, Any]]:
        async with make() as producer, own(app) if own else nullcontext() as state:
            yield {**(state or {}), NAME: producer}

    return lifespan


def rokt_producer(connection: HTTPConnection) -> AsyncProducer:
    """The dependency; `app.dependency_overrides` may put another one in its place."""
    producer = getattr(connection.state, NAME, None)
    if not isinstance(producer, AsyncProducer):
        raise ConfigurationError("there is no producer: FastAPI(lifespan=rokt_lifespan()); tests: with TestClient(app)")
    return producer


Rokt = Annotated[AsyncProducer, Depends(rokt_producer)]
