"""Fixtures for a shop's tests. pytest loads this module wherever the package is installed, so it stays light."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from producers.asynchronous import AsyncProducer
    from producers.testing.fake import FakeProducer


@pytest.fixture
def rokt_producer() -> Iterator[FakeProducer]:
    """What every `Producer.from_env()` gives during the test; its `events` are what the code under test sent."""
    from producers.testing.standing_in import faked

    with faked() as fake:
        yield fake


@pytest.fixture
def rokt_async_producer(rokt_producer: FakeProducer) -> AsyncProducer:
    """The same for coroutines; what it sent is in `rokt_producer.events`."""
    return rokt_producer.asynchronous()
